// Calls the API with the token that the mounted file holds at the moment of the call.
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

const interval = Number(process.env.INTERVAL) * 1000;
if (!(interval > 0)) throw new Error("set INTERVAL to a number of seconds");

async function call(url) {
  // Read for every call: that costs microseconds, and a renewed token is used at once.
  const authorization = await readFile("/var/run/integration/authorization", "utf8");
  const answer = await fetch(url, {
    headers: { authorization: authorization.trim() },
    redirect: "manual", // a redirect counts as a failed call: followed, it could take the token elsewhere
    signal: AbortSignal.timeout(10_000), // the body included
  });
  const body = await answer.text(); // of an error too, so that the connection is free again
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  return body;
}

for (;;) {
  try {
    await call(process.env.API_URL);
  } catch (error) {
    console.log(`the call failed: ${error.cause ?? error}`);
  }
  await setTimeout(interval);
}
