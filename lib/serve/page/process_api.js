// SPDX-License-Identifier: Apache-2.0
// Questions to the process that serves this page. A newer question of a kind ends the older one.

// The process answered, and says no.
class Refused extends Error {
  constructor(status, message, parameter) {
    super(message);
    Object.assign(this, { status, parameter });
  }
}

// No answer came: the process is gone, or the way to it.
class Unreachable extends Error {}

const TOKEN_KEY = "podo-token";

class ProcessApi {
  constructor() {
    this.running = new Map(); // kind -> {address, answer, controller}
  }

  // Without what the address of the page may hold of a user and a password, which fetch() refuses.
  static addressOf(path, params) {
    const text = params ? String(params) : "";
    return `${location.origin}${location.pathname}${path}${text ? `?${text}` : ""}`;
  }

  get token() {
    return sessionStorage.getItem(TOKEN_KEY);
  }

  set token(text) {
    if (text === null) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, text);
  }

  // The answer's JSON. Throws Refused, Unreachable, or AbortError if a newer question came; the same
  // question while it is being asked gets the same answer.
  async ask(kind, path, params = null) {
    const address = ProcessApi.addressOf(path, params);
    const before = this.running.get(kind);
    if (before && before.address === address) return before.answer;
    this.cancel(kind);
    const controller = new AbortController();
    const answer = this.get(address, controller.signal).then((response) => response.json());
    const question = { address, answer, controller };
    this.running.set(kind, question);
    try {
      return await answer;
    } catch (error) {
      if (error instanceof TypeError) throw new Unreachable("The answer broke off.");
      if (error instanceof SyntaxError) throw new Unreachable("The answer is not what podo says.");
      throw error;
    } finally {
      if (this.running.get(kind) === question) this.running.delete(kind);
    }
  }

  cancel(kind) {
    if (this.running.has(kind)) this.running.get(kind).controller.abort();
    this.running.delete(kind);
  }

  async get(address, signal) {
    const { token } = this;
    const options = token ? { credentials: "omit", headers: { Authorization: `Bearer ${token}` } }
      : { credentials: "same-origin" };
    let response;
    try {
      response = await fetch(address, { ...options, signal, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable(error.message);
    }
    if (response.ok) return response;
    throw await ProcessApi.refusal(response);
  }

  static async refusal(response) {
    const text = await response.text();
    try {
      const { message, parameter } = JSON.parse(text).error;
      return new Refused(response.status, message, parameter);
    } catch {
      const words = text.trim().slice(0, 300) || `${response.status} ${response.statusText}`;
      return new Refused(response.status, words);
    }
  }
}
