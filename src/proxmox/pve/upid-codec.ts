// The names of tasks: UPID:NODE:PID:PSTART:STARTTIME:TYPE:ID:USER: with numbers in hexadecimal (PVE::Tools::upid_decode). Pure.

const UPID =
  /^UPID:([a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?):[0-9A-F]{8}:[0-9A-F]{8,9}:[0-9A-F]{8}:([^:\s]{1,64}):([^:\s]{0,256}):([^:\s]{1,256}):$/i;

export interface Upid {
  readonly text: string;
  /** Where it runs. */
  readonly node: string;
  /** clusterjoin, zfscreate, … */
  readonly type: string;
}

/** Undefined: it is no name of a task. */
export function parseUpid(text: unknown): Upid | undefined {
  const [, node, type] = (typeof text === 'string' ? UPID.exec(text) : null) ?? [];
  return typeof text === 'string' && node !== undefined && type !== undefined ? { text, node, type } : undefined;
}
