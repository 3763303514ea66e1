// TOML text → document, or the one fault at which reading stopped, in words for people. Pure.

import { ParseError } from 'toml-eslint-parser';
import { keyOfPointer } from './pointer.ts';
import { type Place, parseDocument, type TomlDocument } from './toml-document.ts';

export interface TomlFault extends Place {
  readonly message: string;
}

const TOO_MUCH = 'lists or tables are nested too deep, or a text is too long';

export function readToml(source: string): { readonly document: TomlDocument } | { readonly fault: TomlFault } {
  try {
    return { document: parseDocument(source) };
  } catch (thrown) {
    if (thrown instanceof ParseError) return { fault: faultOf(thrown, source) };
    // The parser descends once per bracket and gathers a text's characters on the stack: thousands of brackets or a huge text end it.
    if (thrown instanceof RangeError) return { fault: { line: 1, column: 1, message: TOO_MUCH } };
    throw thrown;
  }
}

const WORDS: Readonly<Record<string, string>> = {
  'Unspecified values are invalid': 'the value is missing',
  'The key, equals sign, and value must be on the same line': 'key, "=" and value belong on one line',
  'Expected equal (=) token': '"=" and a value are missing',
  'Must be a newline': 'something follows the value on the same line',
  'Unterminated string constant': 'the closing quotation mark of a text is missing',
  'Unterminated array': 'the closing bracket of a list is missing',
  'Unexpected character': 'this character cannot stand here (texts and unusual keys go in quotation marks)',
};

function faultOf(error: ParseError, source: string): TomlFault {
  const place = { line: error.lineNumber, column: error.column + 1 };
  if (error.message === 'Defining a key multiple times is invalid') return { ...place, message: twiceMessage(source, place.line) };
  return unfinishedLine(source.slice(0, error.index)) ?? { ...place, message: WORDS[error.message] ?? lowered(error.message) };
}

function lowered(sentence: string): string {
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
}

/** The parser reads on into the next line and stumbles there; what is missing is missing at the end of the line before. */
function unfinishedLine(read: string): TomlFault | undefined {
  const sound = read.trimEnd();
  if (!read.slice(sound.length).includes('\n')) return undefined;
  const lines = sound.split('\n');
  const last = lines.at(-1) ?? '';
  const end = { line: lines.length, column: last.length };
  if (/=\s*(?:#.*)?$/.test(last)) return { ...end, message: 'the value is missing' };
  return /^\s*\[[^\]]*$/.test(last) ? { ...end, message: 'the closing bracket of the table name is missing' } : undefined;
}

/** Names the key and where it stood first: the lines before the second one are sound, so they are read again for it. */
function twiceMessage(source: string, line: number): string {
  const lines = source.split('\n');
  const text = lines[line - 1] ?? '';
  const before = sound(lines.slice(0, line - 1).join('\n'));
  const here = sound(text);
  if (before === undefined || here === undefined) return 'a key is written twice';
  const prefix = /^\s*\[/.test(text) ? '' : before.lastTable;
  const longest = [...here.keys.keys()]
    .map((pointer) => prefix + pointer)
    .filter((pointer) => before.keys.has(pointer))
    .at(-1);
  const first = longest === undefined ? undefined : before.keys.get(longest);
  if (longest === undefined || first === undefined) return 'a key is written twice';
  return `${keyOfPointer(longest)} is written twice; it already stands on line ${first.line}`;
}

function sound(source: string): TomlDocument | undefined {
  try {
    return parseDocument(source);
  } catch (thrown) {
    if (thrown instanceof SyntaxError) return undefined;
    throw thrown;
  }
}
