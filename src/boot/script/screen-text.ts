// Words for the screen of a booting machine, whichever loader shows them: only characters that mean nothing to a loader or a terminal, in
// lines of 80 columns. Pure; knows no loader's quoting.

const SCREEN_MAX = 76;
const LINES_MAX = 4;

/** Whatever could mean something becomes a dot (quotes go). What is far beyond a screen is not even looked at. */
export function plainText(value: string): string {
  return value
    .slice(0, 4 * SCREEN_MAX * LINES_MAX)
    .replaceAll(/["']/g, '')
    .replaceAll(/[^A-Za-z0-9 ._:/(),+=-]/g, '.')
    .replaceAll(/ {2,}/g, ' ')
    .trim();
}

export function cutText(plain: string, max = SCREEN_MAX): string {
  return plain.length > max ? `${plain.slice(0, max - 3)}...` : plain;
}

/** Over several lines, the last of which says when there was more. */
export function wrapText(plain: string): string[] {
  const lines: string[] = [];
  for (const word of plain.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= SCREEN_MAX) lines[lines.length - 1] = `${last} ${word}`;
    else if (lines.length < LINES_MAX) lines.push(word.slice(0, SCREEN_MAX));
    else {
      lines[lines.length - 1] = `${(last ?? '').slice(0, SCREEN_MAX - 3)}...`;
      break;
    }
  }
  return lines;
}
