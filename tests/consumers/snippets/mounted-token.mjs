import { readFile } from "node:fs/promises";

export async function fetchWithToken(file, url, options = {}) {
  const read = () => readFile(file, "utf8");
  const authorization = await read().catch((error) => {
    if (error.code !== "ENOENT") throw error;
    return read(); // it was just being exchanged: there again at once
  });
  const headers = new Headers(options.headers);
  headers.set("authorization", authorization.trim());
  return fetch(url, { redirect: "error", ...options, headers });
}
