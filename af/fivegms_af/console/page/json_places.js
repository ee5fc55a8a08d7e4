/**
 * Where each member of a JSON text stands, by its JSON Pointer (RFC 6901), so that what the AF
 * refuses can be shown at the member itself.
 */

const TOKEN = /\s*("(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+)/y;

/**
 * The place of the member, or of the closest member around it that the text has.
 * @param {string} text JSON @param {string} pointer
 * @returns {{start: number, end: number, line: number}}
 */
export function place(text, pointer) {
  const places = locate(text);
  let sought = pointer;
  while (!places.has(sought) && sought !== "") sought = sought.slice(0, sought.lastIndexOf("/"));
  const { start, end } = places.get(sought) ?? { start: 0, end: 0 };
  return { start, end, line: text.slice(0, start).split("\n").length };
}

/** @param {string} text @returns {Map<string, {start: number, end: number}>} */
export function locate(text) {
  const places = new Map();
  let at = 0;

  function token() {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw new SyntaxError("the JSON text ends too early");
    at = TOKEN.lastIndex;
    return { text: found[1], start: at - found[1].length };
  }

  function peek() {
    const before = at;
    const next = token();
    at = before;
    return next;
  }

  /** `from` is where the member's name starts, if it has one. */
  function value(pointer, from) {
    const first = token();
    if (first.text === "{") members(pointer, "}");
    else if (first.text === "[") members(pointer, "]");
    places.set(pointer, { start: from ?? first.start, end: at });
  }

  function members(pointer, close) {
    for (let index = 0; peek().text !== close; index++) {
      if (peek().text === ",") token();
      if (close === "]") {
        value(`${pointer}/${index}`);
        continue;
      }
      const name = token();
      token(); // the colon
      value(`${pointer}/${escape(JSON.parse(name.text))}`, name.start);
    }
    token();
  }

  try {
    value("");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return places;
}

function escape(name) {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
