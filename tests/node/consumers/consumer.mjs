// Calls the API with the token that the mounted file holds at the moment of the call.
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

async function call(url) {
  // Read for every call: that costs microseconds, and a renewed token is used at once.
  const authorization = await readFile("/var/run/integration/authorization", "utf8");
  const answer = await fetch(url, { headers: { authorization }, signal: AbortSignal.timeout(10_000) });
  if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  return answer.json();
}

for (;;) {
  try {
    await call(process.env.API_URL);
  } catch (error) {
    console.log(`the call failed: ${error.message}`);
  }
  await setTimeout(Number(process.env.INTERVAL) * 1000);
}
