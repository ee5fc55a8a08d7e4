/**
 * The AF's stream of events. `EventSource` cannot send a token, so the stream is read by `fetch`.
 */

import { OPERATOR } from "./api.js";

const LONGEST_PAUSE_MS = 30_000;

/**
 * Follow events until `signal` is aborted, coming back after every loss.
 * @param {import("./api.js").Api} api
 * @param {(kind: string, sessionId: string | null) => void} onEvent
 * @param {(connected: boolean) => void} onConnection
 * @param {AbortSignal} signal
 */
export async function follow(api, onEvent, onConnection, signal) {
  let pauseMs = 500;
  while (!signal.aborted) {
    try {
      const response = await api.request("GET", `${OPERATOR}/events`, { signal });
      onConnection(true);
      pauseMs = 500;
      for await (const { event, data } of messages(response.body)) {
        onEvent(event, JSON.parse(data).provisioningSessionId ?? null);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (/** @type {any} */ (error).status === 401) return;
    }
    onConnection(false);
    await new Promise((resume) => setTimeout(resume, pauseMs));
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

/** The messages of a stream (WHATWG HTML 9.2.6), comments left out. */
async function* messages(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const message = parse(block);
      if (message.data) yield message;
    }
  }
}

function parse(block) {
  const fields = { event: "message", data: "" };
  for (const line of block.split("\n")) {
    const [name, ...rest] = line.split(": ");
    if (name in fields) fields[name] = rest.join(": ");
  }
  return fields;
}
