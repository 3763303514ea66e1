// Matching of a text against a pattern in which * stands for any text, upper and lower case alike. Pure; linear in the text for each
// part of the pattern, so that no machine can make itself dear by what it is called.

export function globFits(pattern: string, text: string): boolean {
  const parts = pattern.toLowerCase().split('*');
  const subject = text.toLowerCase();
  const [first = ''] = parts;
  if (parts.length === 1) return subject === first;
  const last = parts.at(-1) ?? '';
  if (!subject.startsWith(first)) return false;
  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const at = subject.indexOf(part, from);
    if (at < 0) return false;
    from = at + part.length;
  }
  return subject.length - from >= last.length && subject.endsWith(last);
}
