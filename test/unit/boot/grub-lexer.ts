// Reads GRUB scripts back, as far as our templates use the language: lines of words, quotes, and what a variable may do outside them.

export interface GrubWord {
  readonly text: string;
  /** Something in it was expanded, split or run: not a plain text. */
  readonly live: boolean;
}

export function lexGrub(script: string): readonly (readonly GrubWord[])[] {
  const lines: GrubWord[][] = [];
  let words: GrubWord[] = [];
  let text: string | null = null;
  let live = false;
  let quote: "'" | '"' | null = null;
  const endWord = (): void => {
    if (text !== null) words.push({ text, live });
    text = null;
    live = false;
  };
  const endLine = (): void => {
    endWord();
    if (words.length > 0) lines.push(words);
    words = [];
  };
  for (const char of script) {
    if (quote === "'") {
      if (char === "'") quote = null;
      else text += char;
    } else if (quote === '"') {
      if (char === '"') quote = null;
      else {
        live ||= char === '$' || char === '\\';
        text += char;
      }
    } else if (char === "'" || char === '"') {
      quote = char;
      text ??= '';
    } else if (char === '\n' || char === ';') endLine();
    else if (char === ' ' || char === '\t') endWord();
    else {
      live ||= '$\\|&<>{}#'.includes(char);
      text = (text ?? '') + char;
    }
  }
  if (quote !== null) throw new Error(`a quote is open at the end: ${quote}`);
  endLine();
  return lines;
}
