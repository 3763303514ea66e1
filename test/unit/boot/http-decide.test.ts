import { describe, expect, it } from 'vitest';
import { type ConditionHeaders, decideFileAnswer, lengthOf } from '../../../src/boot/http/http-decide.ts';

const file = { size: 10_000, etag: 'abc123', contentType: 'application/efi' };
const get = (headers: ConditionHeaders = {}) => decideFileAnswer('GET', headers, file);

describe('a request for a file', () => {
  it('gets everything, with its length, its type, its validator and the word that ranges work', () => {
    expect(get()).toMatchObject({
      status: 200,
      headers: { 'content-length': '10000', 'content-type': 'application/efi', etag: '"abc123"', 'accept-ranges': 'bytes' },
      body: [{ start: 0, end: 9999 }],
    });
  });

  it('by HEAD gets the same headers and no byte, also with a Range', () => {
    const head = decideFileAnswer('HEAD', { range: 'bytes=0-1' }, file);
    expect(head).toEqual({ ...get(), body: [], reason: 'its size' });
  });

  it('for an empty file gets an empty answer', () => {
    expect(decideFileAnswer('GET', {}, { ...file, size: 0 })).toMatchObject({ status: 200, headers: { 'content-length': '0' }, body: [] });
    expect(decideFileAnswer('GET', { range: 'bytes=0-' }, { ...file, size: 0 })).toMatchObject({ status: 416 });
  });

  it('for one range gets that part', () => {
    expect(get({ range: 'bytes=100-199' })).toMatchObject({
      status: 206,
      headers: { 'content-length': '100', 'content-range': 'bytes 100-199/10000', 'content-type': 'application/efi' },
      body: [{ start: 100, end: 199 }],
    });
  });

  it('for several ranges gets them as multipart/byteranges whose length is told exactly', () => {
    const answer = get({ range: 'bytes=0-9,5000-5009' });
    expect(answer.status).toBe(206);
    expect(answer.headers['content-type']).toBe('multipart/byteranges; boundary=part-abc123');
    expect(answer.headers['content-range']).toBeUndefined();
    expect(answer.headers['content-length']).toBe(String(lengthOf(answer.body)));
    expect(answer.body.map((part) => ('text' in part ? part.text : `<${part.start}-${part.end}>`)).join('')).toBe(
      [
        '--part-abc123',
        'Content-Type: application/efi',
        'Content-Range: bytes 0-9/10000',
        '',
        '<0-9>',
        '--part-abc123',
        'Content-Type: application/efi',
        'Content-Range: bytes 5000-5009/10000',
        '',
        '<5000-5009>',
        '--part-abc123--',
        '',
      ].join('\r\n'),
    );
  });

  it('for ranges of which one is left gets that one as a single part', () => {
    expect(get({ range: 'bytes=0-9,99999-' })).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 0-9/10000' } });
  });

  it('for a range beyond the end is told the size', () => {
    expect(get({ range: 'bytes=10000-' })).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */10000' } });
  });

  it.each(['"abc123"', 'W/"abc123"', '"x", "abc123"', '*'])('is told that nothing changed when it has %s', (tags) => {
    expect(get({ 'if-none-match': tags, range: 'bytes=0-1' })).toMatchObject({ status: 304, headers: { etag: '"abc123"' }, body: [] });
  });

  it.each(['"abc1234"', 'abc123', '""', ''])('gets everything when it has %s', (tags) => {
    expect(get({ 'if-none-match': tags }).status).toBe(200);
  });

  it.each([
    ['"abc123"', 200],
    ['*', 200],
    ['"old", "abc123"', 200],
    ['W/"abc123"', 412],
    ['"old"', 412],
  ])('with If-Match %s gets %i', (tags, status) => expect(get({ 'if-match': tags }).status).toBe(status));

  it.each([
    ['"abc123"', 206],
    ['W/"abc123"', 200],
    ['"old"', 200],
    ['Sat, 01 Jan 2028 00:00:00 GMT', 200],
  ])('that goes on with a download of %s gets %i', (ifRange, status) => {
    expect(get({ range: 'bytes=500-', 'if-range': ifRange }).status).toBe(status);
  });
});
