/**
 * What every view has.
 *
 * @typedef {object} Console what views work with
 * @property {import("./api.js").Api} api
 * @property {(text: string, tone?: string) => void} notify
 * @property {(error: unknown) => void} fail say why something did not work
 *
 * @typedef {object} View
 * @property {string} title
 * @property {Element} element
 * @property {() => Promise<void>} refresh
 * @property {(kind: string, sessionId: string | null) => boolean} [concerns] whether an event
 *   calls for a refresh
 * @property {() => number} [pollMs] for what no event tells of: how soon to refresh by itself
 */

/**
 * Do what a button says; say in a notice what came of it.
 * @param {Console} console_ @param {() => Promise<unknown>} act
 */
export async function attempt(console_, act, done = "") {
  try {
    await act();
    if (done) console_.notify(done, "good");
  } catch (error) {
    console_.fail(error);
  }
}

/** At most one refresh at a time, and one more after it where something happened meanwhile. */
export function oneAtATime(work) {
  /** @type {Promise<void> | null} */
  let running = null;
  let again = false;
  return function run() {
    if (running) {
      again = true;
      return running;
    }
    running = (async () => {
      do {
        again = false;
        await work();
      } while (again);
    })().finally(() => {
      running = null;
    });
    return running;
  };
}
