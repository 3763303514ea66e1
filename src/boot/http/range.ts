// The Range header (RFC 9110 §14): which bytes of how many are asked for. Pure; knows nothing of files or answers.

export interface ByteRange {
  readonly start: number;
  /** Inclusive, as the header has it. */
  readonly end: number;
}

export type Ranges =
  | { readonly kind: 'all' }
  /** One or more; several are answered as multipart/byteranges. */
  | { readonly kind: 'parts'; readonly parts: readonly ByteRange[] }
  | { readonly kind: 'refused'; readonly reason: string };

/** No boot loader or download tool asks for more at once; a header of thousands is an attack (RFC 9110 §17.15). */
export const MAX_RANGES = 16;

/** About what one more part costs in headers: a smaller gap is cheaper to send than to leave out (RFC 9110 §15.3.7.2). */
const PART_OVERHEAD = 128;

/** 15 digits stay below 2^53; longer numbers make the header malformed. */
const SPEC = /^(\d{0,15})-(\d{0,15})$/;

export function parseRanges(header: string | undefined, size: number): Ranges {
  const list = /^bytes=(.*)$/i.exec(header ?? '')?.[1];
  if (list === undefined) return { kind: 'all' }; // also another unit: it may be ignored (RFC 9110 §14.2)
  const specs = list.split(',', MAX_RANGES + 1).map((spec) => spec.trim());
  if (specs.length > MAX_RANGES) return { kind: 'refused', reason: `more than ${MAX_RANGES} ranges in one request` };
  const parts: ByteRange[] = [];
  for (const spec of specs) {
    const part = parseSpec(spec, size);
    if (part === 'malformed') return { kind: 'all' };
    if (part !== 'beyond') parts.push(part);
  }
  if (parts.length === 0) return { kind: 'refused', reason: `beyond the end: the file has ${size} bytes` };
  return { kind: 'parts', parts: coalesce(parts) };
}

function parseSpec(spec: string, size: number): ByteRange | 'beyond' | 'malformed' {
  const [, from = '', to = ''] = SPEC.exec(spec) ?? [];
  if (from === '' && to === '') return 'malformed';
  if (from === '') {
    const length = Math.min(Number(to), size);
    return length === 0 ? 'beyond' : { start: size - length, end: size - 1 };
  }
  const start = Number(from);
  if (to !== '' && Number(to) < start) return 'malformed';
  return start >= size ? 'beyond' : { start, end: to === '' ? size - 1 : Math.min(Number(to), size - 1) };
}

/** In the order asked for while they lie apart; otherwise ascending with what overlaps or nearly touches joined, so that no byte goes twice. */
function coalesce(parts: readonly ByteRange[]): readonly ByteRange[] {
  const joined: { start: number; end: number }[] = [];
  for (const part of parts.toSorted((a, b) => a.start - b.start)) {
    const last = joined.at(-1);
    if (last !== undefined && part.start <= last.end + PART_OVERHEAD) last.end = Math.max(last.end, part.end);
    else joined.push({ ...part });
  }
  return joined.length === parts.length ? parts : joined;
}
