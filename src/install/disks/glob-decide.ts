// Patterns as Proxmox's installer has them in its filters: those of the Rust crate glob 0.3 with its default options, in which case counts and
// a slash is a character like others. Pure. Knows nothing of disks.

type Token =
  | { readonly is: 'char'; readonly char: string }
  | { readonly is: 'any' }
  | { readonly is: 'sequence'; readonly isRecursive: boolean }
  | { readonly is: 'set'; readonly ranges: readonly (readonly [string, string])[]; readonly isNegated: boolean };

export type Pattern = { readonly tokens: readonly Token[] } | { readonly fault: string };

/** Each `?`, `*`, `[` and `]` in brackets: matches the text and nothing else. */
export function escapeGlob(text: string): string {
  return text.replaceAll(/[?*[\]]/g, (char) => `[${char}]`);
}

export function parseGlob(pattern: string): Pattern {
  const chars = Array.from(pattern);
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; ) {
    const read = readToken(chars, at);
    if (typeof read === 'string') return { fault: read };
    // Two in a row are one.
    if (!(isRecursive(read.token) && isRecursive(tokens.at(-1)))) tokens.push(read.token);
    at = read.next;
  }
  return { tokens };
}

/** Throws nothing: a pattern that can not be read matches nothing. */
export function fitsPattern(pattern: Pattern, value: string): boolean {
  return 'tokens' in pattern && fitsFrom(pattern.tokens, Array.from(value));
}

interface ReadToken {
  readonly token: Token;
  readonly next: number;
}

function readToken(chars: readonly string[], at: number): ReadToken | string {
  const char = chars[at] ?? '';
  if (char === '?') return { token: { is: 'any' }, next: at + 1 };
  if (char === '*') return readStars(chars, at);
  if (char === '[') return readSet(chars, at) ?? `the bracket at place ${at + 1} has no end`;
  return { token: { is: 'char', char }, next: at + 1 };
}

/** Two stars must be a whole part of a path, more are never right. */
function readStars(chars: readonly string[], at: number): ReadToken | string {
  let end = at;
  while (chars[end] === '*') end += 1;
  if (end - at === 1) return { token: { is: 'sequence', isRecursive: false }, next: end };
  if (end - at > 2) return `there are more than two * in a row at place ${at + 1}`;
  const isWhole = (at === 0 || chars[at - 1] === '/') && (end === chars.length || chars[end] === '/');
  if (!isWhole) return `** at place ${at + 1} is no whole part of a path`;
  return { token: { is: 'sequence', isRecursive: true }, next: end === chars.length ? end : end + 1 };
}

/** The first character of a set may be the closing bracket itself: it needs at least one. */
function readSet(chars: readonly string[], at: number): ReadToken | undefined {
  const isNegated = chars[at + 1] === '!';
  const begin = at + (isNegated ? 2 : 1);
  const end = chars.indexOf(']', begin + 1);
  if (end < 0) return undefined;
  return { token: { is: 'set', ranges: rangesOf(chars.slice(begin, end)), isNegated }, next: end + 1 };
}

function rangesOf(chars: readonly string[]): (readonly [string, string])[] {
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < chars.length; ) {
    const [from = '', dash, to] = chars.slice(at, at + 3);
    const isRange = dash === '-' && to !== undefined;
    ranges.push([from, isRange ? to : from]);
    at += isRange ? 3 : 1;
  }
  return ranges;
}

/** Places in the pattern after each character: no pattern takes longer than its length times the text's. */
function fitsFrom(tokens: readonly Token[], chars: readonly string[]): boolean {
  let places = closure(tokens, [{ at: 0, isMid: false }]);
  for (const char of chars)
    places = closure(
      tokens,
      places.flatMap((place) => step(tokens, place, char)),
    );
  // A `**` may end anywhere when the text does.
  const ended = closure(
    tokens,
    places.map(({ at, isMid }) => ({ at: isMid ? at + 1 : at, isMid: false })),
  );
  return ended.some(({ at }) => at === tokens.length);
}

interface Place {
  readonly at: number;
  /** Within a part of a path that a `**` goes over: what follows it may begin after the next slash only. */
  readonly isMid: boolean;
}

function step(tokens: readonly Token[], { at }: Place, char: string): Place[] {
  const token = tokens[at];
  if (token === undefined) return [];
  if (token.is === 'sequence') return [{ at, isMid: token.isRecursive && char !== '/' }];
  return fitsOne(token, char) ? [{ at: at + 1, isMid: false }] : [];
}

/** With those that are reached by letting a sequence be empty; each once. */
function closure(tokens: readonly Token[], places: readonly Place[]): Place[] {
  const known = new Map<string, Place>();
  const waiting = [...places];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const key = `${place.at} ${place.isMid}`;
    if (known.has(key)) continue;
    known.set(key, place);
    if (!place.isMid && tokens[place.at]?.is === 'sequence') waiting.push({ at: place.at + 1, isMid: false });
  }
  return [...known.values()];
}

function fitsOne(token: Token, char: string): boolean {
  if (token.is === 'char') return token.char === char;
  if (token.is === 'set')
    return token.ranges.some(([from, to]) => pointOf(from) <= pointOf(char) && pointOf(char) <= pointOf(to)) !== token.isNegated;
  return token.is === 'any';
}

function pointOf(char: string): number {
  return char.codePointAt(0) ?? 0;
}

function isRecursive(token: Token | undefined): boolean {
  return token?.is === 'sequence' && token.isRecursive;
}
