// What text the database takes. Pure.

const NUL = '\u0000';
const REPLACEMENT = '\ufffd';

/** PostgreSQL refuses NUL in text and SQLite cuts at it in places; names and messages from the network may hold it. */
export function storable(value: unknown): unknown {
  return typeof value === 'string' && value.includes(NUL) ? value.replaceAll(NUL, REPLACEMENT) : value;
}

/** At most `limit` characters, saying how many were cut. */
export function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit)}… (${text.length - limit} more characters cut)`;
}

/** A JSON object column. Ours alone write it, so anything else is damage or a fault. */
export function parseObject(json: string, column: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError(`${column} holds no JSON object`);
}
