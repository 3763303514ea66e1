// One range of a file, as an agent that goes on asks for it (RFC 9110 §14.1.2). Pure. Several at once get the whole file, which §14.2 allows.

export type Wanted = 'all' | 'none' | { readonly start: number; readonly end: number };

export function oneRange(header: string | undefined, bytes: number): Wanted {
  const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? [];
  if (from === '' && to === '') return 'all';
  const start = from === '' ? Math.max(0, bytes - Number(to)) : Number(from);
  const end = from === '' || to === '' ? bytes - 1 : Math.min(Number(to), bytes - 1);
  return start > end || start >= bytes ? 'none' : { start, end };
}
