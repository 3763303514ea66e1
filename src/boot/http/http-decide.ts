// What a request for stored bytes is answered with: status, headers and which ranges (RFC 9110 §13-15). Pure: no file, no socket.

import { type ByteRange, parseRanges } from './range.ts';

export interface FileFacts {
  readonly size: number;
  /** Without quotes. Two contents never share one: it is a strong validator. */
  readonly etag: string;
  readonly contentType: string;
}

/** Bytes that go out: text of our own, or a range of the file. */
export type BodyPart = { readonly text: string } | ByteRange;

export interface FileAnswer {
  readonly status: 200 | 206 | 304 | 412 | 416;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly BodyPart[];
  /** In plain words, for the log; of 412 and 416 it is the body too. */
  readonly reason: string;
}

/** As node:http gives them. */
export interface ConditionHeaders {
  readonly range?: string | undefined;
  readonly 'if-range'?: string | string[] | undefined;
  readonly 'if-match'?: string | undefined;
  readonly 'if-none-match'?: string | undefined;
}

/** In the order of RFC 9110 §13.2.2. There is no Last-Modified, so that conditions by date never hold nor fail. */
export function decideFileAnswer(method: string, headers: ConditionHeaders, file: FileFacts): FileAnswer {
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch } = headers;
  const common = commonHeaders(file);
  if (ifMatch !== undefined && !names(ifMatch, file.etag, 'strong'))
    return told(412, 'the file is no longer the one named in If-Match', common);
  if (ifNoneMatch !== undefined && names(ifNoneMatch, file.etag, 'weak'))
    return { status: 304, headers: common, body: [], reason: 'the machine has it already' };
  // HEAD answers as GET without its Range: that is defined for GET only (RFC 9110 §14.2).
  const ranges =
    method === 'GET' && rangeHolds(headers['if-range'], file.etag) ? parseRanges(headers.range, file.size) : ({ kind: 'all' } as const);
  if (ranges.kind === 'refused') return told(416, ranges.reason, { ...common, 'content-range': `bytes */${file.size}` });
  if (ranges.kind === 'all') return whole(method, file, common);
  return ranges.parts.length > 1 ? multipart(ranges.parts, file, common) : single(ranges.parts, file, common);
}

function whole(method: string, file: FileFacts, common: Readonly<Record<string, string>>): FileAnswer {
  const body = method === 'HEAD' || file.size === 0 ? [] : [{ start: 0, end: file.size - 1 }];
  const headers = { ...common, 'content-type': file.contentType, 'content-length': String(file.size) };
  return { status: 200, headers, body, reason: method === 'HEAD' ? 'its size' : 'the whole file' };
}

function single(parts: readonly ByteRange[], file: FileFacts, common: Readonly<Record<string, string>>): FileAnswer {
  const headers = {
    ...common,
    'content-type': file.contentType,
    'content-length': String(lengthOf(parts)),
    'content-range': parts.map((part) => contentRange(part, file.size)).join(''),
  };
  return { status: 206, headers, body: parts, reason: 'a part of the file' };
}

/** RFC 9110 §14.6. No content holds its own hash, so the boundary made of the validator is in none. */
function multipart(parts: readonly ByteRange[], file: FileFacts, common: Readonly<Record<string, string>>): FileAnswer {
  const boundary = `part-${file.etag.replace(/[^A-Za-z0-9]/g, '').slice(0, 40)}`;
  const body: BodyPart[] = [];
  for (const [index, part] of parts.entries()) {
    const before = index === 0 ? '' : '\r\n';
    const lines = `--${boundary}\r\nContent-Type: ${file.contentType}\r\nContent-Range: ${contentRange(part, file.size)}\r\n\r\n`;
    body.push({ text: before + lines }, part);
  }
  body.push({ text: `\r\n--${boundary}--\r\n` });
  const headers = { ...common, 'content-type': `multipart/byteranges; boundary=${boundary}`, 'content-length': String(lengthOf(body)) };
  return { status: 206, headers, body, reason: `${parts.length} parts of the file` };
}

function commonHeaders(file: FileFacts): Record<string, string> {
  // A name may mean another content tomorrow: caches on the way shall ask each time, which costs a 304.
  return { etag: `"${file.etag}"`, 'accept-ranges': 'bytes', 'cache-control': 'no-cache' };
}

function told(status: 412 | 416, reason: string, headers: Readonly<Record<string, string>>): FileAnswer {
  const text = `${reason}\n`;
  const more = { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(Buffer.byteLength(text)) };
  return { status, headers: { ...headers, ...more }, body: [{ text }], reason };
}

function contentRange(part: ByteRange, size: number): string {
  return `bytes ${part.start}-${part.end}/${size}`;
}

export function lengthOf(body: readonly BodyPart[]): number {
  return body.reduce((sum, part) => sum + ('text' in part ? Buffer.byteLength(part.text) : part.end - part.start + 1), 0);
}

/** A date, or a weak validator, never holds (RFC 9110 §13.1.5): then the whole file goes. */
function rangeHolds(ifRange: string | string[] | undefined, etag: string): boolean {
  return ifRange === undefined || String(ifRange).trim() === `"${etag}"`;
}

/** `*` is any content that exists. Weak comparison takes W/"x" for "x" (RFC 9110 §8.8.3.2). */
function names(list: string, etag: string, comparison: 'strong' | 'weak'): boolean {
  if (list.trim() === '*') return true;
  return list
    .split(',')
    .map((one) => one.trim())
    .some((one) => one === `"${etag}"` || (comparison === 'weak' && one === `W/"${etag}"`));
}
