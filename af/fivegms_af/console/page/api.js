/**
 * Requests to the AF at this page's own origin, as whoever signed in. Credentials stay in memory.
 */

export const M1 = "/3gpp-m1/v2/provisioning-sessions";
export const OPERATOR = "/fivegms-operator/v1";

const TOKEN_PATH = "/oauth2/token";
const RENEWED_BEFORE_S = 30;

/** Why a request was refused: a problem of RFC 9457, or that no answer came (status 0). */
export class Problem extends Error {
  /** @param {number} status @param {Record<string, any>} [details] */
  constructor(status, details = {}) {
    super(details.detail || details.title || `the server answered ${status}`);
    this.status = status;
    this.title = details.title ?? "";
    /** @type {{param: string, reason?: string}[]} */
    this.faults = details.invalidParams ?? [];
  }
}

/**
 * @typedef {{body: any, text: string, etag: string | null, location: string | null}} Answer
 * @typedef {{etag?: string | null, type?: string}} SendOptions
 */

export class Api {
  /** @type {{id: string, secret: string} | null} */
  #client = null;
  #token = "";
  #expires = Infinity;

  /** @param {() => void} onSignInNeeded told whenever the AF asks who we are */
  constructor(onSignInNeeded) {
    this.onSignInNeeded = onSignInNeeded;
  }

  get signedIn() {
    return this.#token !== "";
  }

  /** Get a token for a client of the AF's token endpoint. Throws Problem. */
  async signIn(id, secret) {
    const form = new URLSearchParams({
      grant_type: "client_credentials",
      client_id: id,
      client_secret: secret,
    });
    const response = await reach(TOKEN_PATH, { method: "POST", body: form });
    const answer = await response.json().catch(() => ({}));
    if (response.status === 404) {
      throw new Problem(404, { detail: "This AF issues no tokens; paste one of its issuer." });
    }
    if (!response.ok) throw new Problem(response.status, { detail: answer.error_description });
    this.#client = { id, secret };
    this.#token = answer.access_token;
    this.#expires = Date.now() + 1000 * (answer.expires_in - RENEWED_BEFORE_S);
  }

  /** Use a token from elsewhere. */
  useToken(token) {
    this.#client = null;
    this.#token = token;
    this.#expires = Infinity;
  }

  signOut() {
    this.#client = null;
    this.#token = "";
    this.onSignInNeeded();
  }

  /** @param {string} path @returns {Promise<Answer>} */
  async get(path, accept = "*/*") {
    return read(await this.request("GET", path, { headers: { Accept: accept } }));
  }

  /** With `etag`, only if nobody changed it meanwhile. @param {SendOptions} [options]
   * @returns {Promise<Answer>} */
  async send(method, path, text = "", { etag = null, type = "application/json" } = {}) {
    /** @type {Record<string, string>} */
    const headers = {};
    if (etag) headers["If-Match"] = etag;
    if (text !== "") headers["Content-Type"] = type;
    return read(await this.request(method, path, { headers, body: text || undefined }));
  }

  /** @param {SendOptions} [options] */
  async remove(path, options) {
    return this.send("DELETE", path, "", options);
  }

  /** Any request, refusals thrown as Problem. @param {RequestInit} init */
  async request(method, path, init = {}) {
    if (this.#client && Date.now() > this.#expires) {
      await this.signIn(this.#client.id, this.#client.secret);
    }
    const headers = new Headers(init.headers);
    if (this.#token) headers.set("Authorization", `Bearer ${this.#token}`);
    // M1 lets its answers be kept for a minute; an operator wants to see what is there now.
    const response = await reach(path, { ...init, method, headers, cache: "no-cache" });
    if (response.status === 401) this.onSignInNeeded();
    if (!response.ok) throw new Problem(response.status, await problemOf(response));
    return response;
  }
}

/** @param {string} path @param {RequestInit} init */
async function reach(path, init) {
  try {
    // No cookies, and no prompt of the browser's own where a password is asked for.
    return await fetch(path, { ...init, credentials: "omit" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, { detail: "The AF does not answer." });
  }
}

async function problemOf(response) {
  const problem = await response.json().catch(() => ({}));
  return typeof problem === "object" && problem !== null ? problem : {};
}

/** @param {Response} response @returns {Promise<Answer>} */
async function read(response) {
  const text = await response.text();
  const isJson = /[/+]json\b/.test(response.headers.get("Content-Type") ?? "");
  return {
    text,
    body: isJson && text ? JSON.parse(text) : null,
    etag: response.headers.get("ETag"),
    location: response.headers.get("Location"),
  };
}
