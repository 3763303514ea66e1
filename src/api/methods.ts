// Which methods only read (RFC 9110 §9.2.1).

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

export function isReading(method: string): boolean {
  return READING.has(method);
}
