// The text in which LVM2 keeps a volume group: sections, lists, texts and numbers (lvm2, lib/config/config.c). Pure.

export type LvmValue = string | number | readonly LvmValue[] | LvmSection;
export interface LvmSection {
  readonly [name: string]: LvmValue;
}

const DEPTH_MAX = 12;
const TOKENS_MAX = 400_000;

/** Undefined: it is no such text, or is not whole. */
export function parseLvmText(text: string): LvmSection | undefined {
  const tokens = new Tokens(text);
  const section = readSection(tokens, 0, false);
  return tokens.isBad ? undefined : section;
}

/** Names, numbers, quoted texts and marks; comments and blanks between them. */
class Tokens {
  readonly #pattern = /\s+|#[^\n]*|"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_.+-]+)|([{}[\]=,])|(.)/gsu;
  readonly #text: string;
  #left = TOKENS_MAX;
  #peeked: Token | undefined;
  isBad = false;

  constructor(text: string) {
    this.#text = text;
  }

  peek(): Token {
    this.#peeked ??= this.#read();
    return this.#peeked;
  }

  next(): Token {
    const token = this.peek();
    this.#peeked = undefined;
    return token;
  }

  #read(): Token {
    for (;;) {
      const match = this.#left > 0 ? this.#pattern.exec(this.#text) : null;
      this.#left -= 1;
      if (match === null) return { kind: 'end', text: '' };
      const [, quoted, word, mark, other] = match;
      if (quoted !== undefined) return { kind: 'text', text: quoted.replaceAll(/\\(.)/gsu, '$1') };
      if (word !== undefined) return { kind: 'word', text: word };
      if (mark !== undefined) return { kind: 'mark', text: mark };
      if (other !== undefined) return { kind: 'end', text: '' };
    }
  }
}

interface Token {
  readonly kind: 'text' | 'word' | 'mark' | 'end';
  readonly text: string;
}

function readSection(tokens: Tokens, depth: number, isNested: boolean): LvmSection {
  const section: Record<string, LvmValue> = Object.create(null) as Record<string, LvmValue>; // names come from the disk
  while (!tokens.isBad) {
    const name = tokens.next();
    if (name.kind === 'end' && !isNested) return section;
    if (name.kind === 'mark' && name.text === '}' && isNested) return section;
    const mark = tokens.next();
    if (name.kind !== 'word' || mark.kind !== 'mark' || depth >= DEPTH_MAX) break;
    if (mark.text === '{') section[name.text] = readSection(tokens, depth + 1, true);
    else if (mark.text === '=') section[name.text] = readValue(tokens);
    else break;
  }
  tokens.isBad = true;
  return section;
}

function readValue(tokens: Tokens): LvmValue {
  const token = tokens.next();
  if (token.kind === 'mark' && token.text === '[') return readList(tokens);
  return scalar(token, tokens);
}

function readList(tokens: Tokens): readonly LvmValue[] {
  const list: LvmValue[] = [];
  while (!tokens.isBad) {
    const token = tokens.next();
    if (token.kind === 'mark' && token.text === ']') return list;
    if (token.kind === 'mark' && token.text === ',') continue;
    list.push(scalar(token, tokens));
  }
  return list;
}

function scalar(token: Token, tokens: Tokens): LvmValue {
  if (token.kind === 'text') return token.text;
  if (token.kind === 'word' && /^-?\d+(?:\.\d+)?$/.test(token.text)) return Number(token.text);
  tokens.isBad = true;
  return 0;
}

export function sectionOf(section: LvmSection | undefined, name: string): LvmSection {
  const value = section?.[name];
  return isSection(value) ? value : {};
}

export function sectionsOf(section: LvmSection): readonly (readonly [string, LvmSection])[] {
  return Object.entries(section).flatMap(([name, value]) => (isSection(value) ? [[name, value] as const] : []));
}

export function stringOf(section: LvmSection, name: string): string | null {
  const value = section[name];
  return typeof value === 'string' ? value : null;
}

export function countOf(section: LvmSection, name: string): number | null {
  const value = section[name];
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null;
}

export function listOf(section: LvmSection, name: string): readonly LvmValue[] {
  const value = section[name];
  return Array.isArray(value) ? (value as readonly LvmValue[]) : []; // isArray forgets what it is a list of
}

function isSection(value: LvmValue | undefined): value is LvmSection {
  return typeof value === 'object' && !Array.isArray(value);
}
