// Calls an API by fetch again and again: `node caller.mjs FILE`.
import { setTimeout } from "node:timers/promises";

import { fetchWithToken } from "../snippets/mounted-token.mjs";

for (;;) {
  try {
    const answer = await fetchWithToken(process.argv[2], process.env.API_URL, { signal: AbortSignal.timeout(2_000) });
    await answer.text();
    if (!answer.ok) throw new Error(`the API answered ${answer.status}`);
  } catch (error) {
    console.log(`the call failed: ${error.cause ?? error}`);
  }
  await setTimeout(Number(process.env.INTERVAL) * 1000);
}
