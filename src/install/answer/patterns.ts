// Texts that the installer hands to something that reads them: globs, addresses on the web, fingerprints. Pure.

/**
 * Why a glob can't be used; undefined: it can. The installer's globs know ?, *, [abc], [a-z], [!a]; "**" only as a whole part between
 * slashes, and an opened bracket must be closed (a bracket stands for itself as []] or [[]).
 */
export function globFault(glob: string): string | undefined {
  const letters = glob.split('');
  let index = 0;
  while (index < letters.length) {
    const letter = letters[index];
    if (letter === '*') {
      const end = endOfStars(letters, index);
      const fault = starFault(letters, index, end);
      if (fault !== undefined) return fault;
      index = end;
    } else if (letter === '[') {
      const close = closeOf(letters, index);
      if (close === undefined) return 'a "[" is not closed';
      index = close + 1;
    } else index += 1;
  }
  return undefined;
}

function endOfStars(letters: readonly string[], start: number): number {
  let end = start;
  while (letters[end] === '*') end += 1;
  return end;
}

function starFault(letters: readonly string[], start: number, end: number): string | undefined {
  if (end - start < 2) return undefined;
  if (end - start > 2) return 'there are three or more "*" in a row';
  const isWhole = (start === 0 || letters[start - 1] === '/') && (end === letters.length || letters[end] === '/');
  return isWhole ? undefined : '"**" may only stand between slashes';
}

/** The first letter in the brackets may be "]" itself. */
function closeOf(letters: readonly string[], open: number): number | undefined {
  const first = letters[open + 1] === '!' ? open + 2 : open + 1;
  const close = letters.indexOf(']', first + 1);
  return close === -1 ? undefined : close;
}

/** Does it match everything? Then it chooses nothing. */
export function isCatchAll(glob: string): boolean {
  return /^\*+$/.test(glob);
}

/** Why the installer could not fetch from it. */
export function urlFault(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text)) return 'it must begin with "http://" or "https://"';
  if (/[\s\p{Cc}]/u.test(text)) return 'it holds a space or a control character';
  if (!URL.canParse(text)) return 'it is no address of the web';
  return undefined;
}

/** SHA-256: 32 bytes in hexadecimal, with or without colons between them. */
export function isFingerprint(text: string): boolean {
  return /^[0-9a-f]{64}$/i.test(text) || /^(?:[0-9a-f]{2}:){31}[0-9a-f]{2}$/i.test(text);
}

/** crypt(3) in its modern forms: $id$[options$]salt$hash. */
export function isCrypt(text: string): boolean {
  return /^\$(?:[156]|2[abxy]|y|gy|7|sha1|md5)\$[!-9;-~]{8,}$/.test(text) && text.split('$').length >= 4;
}
