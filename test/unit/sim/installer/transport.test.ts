// What the stand-in says by HTTP and what it takes: by release.

import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readModeFile } from '../../../sim/installer/logic/mode-file.ts';
import { answerForm, isPinned, requestBody, requestHeaders } from '../../../sim/installer/logic/transport.ts';

const information = (release: string): Parameters<typeof requestBody>[0] => ({
  product: { fullname: 'Proxmox VE', product: 'pve', enable_btrfs: true },
  iso: { release, isorelease: '1' },
  dmi: { system: { serial: 'A' }, baseboard: {}, chassis: {} },
  links: [{ link: 'eno1', mac: 'AA:BB:CC:DD:EE:FF' }],
});

describe('the mode file', () => {
  it('is read by release', () => {
    const text = 'mode = "http"\npartition_label = "x"\n[http]\nurl = "https://a/b"\ncert_fingerprint = "AB:CD"\ntoken = "a:b"\n';
    expect(readModeFile(text, '9.2')).toEqual({ url: 'https://a/b', fingerprint: 'AB:CD', token: 'a:b' });
    expect(() => readModeFile(text, '9.1')).toThrow('unknown field http.token');
  });
  it.each([
    ['mode = "http"\nurl = "x"', 'unknown field url'],
    ['mode = "web"', 'unknown variant'],
    ['mode = "partition"', 'not played'],
    ['[http]\nurl = "https://a"', 'missing field mode'],
    ['mode = "http"\n[http]\nurl = "a/b"', 'no URL'],
    ['mode =', 'no TOML'],
  ])('%j is refused', (text, why) => {
    expect(() => readModeFile(text, '9.2')).toThrow(why);
  });
});

describe('the request', () => {
  it('has a schema since 8.3 and MAC addresses in lower case', () => {
    expect(JSON.parse(requestBody(information('9.1')))).toMatchObject({
      $schema: { version: '1.0' },
      network_interfaces: [{ mac: 'aa:bb:cc:dd:ee:ff' }],
    });
    expect(JSON.parse(requestBody(information('8.2')))).not.toHaveProperty('$schema');
  });
  it('has a token and says what it takes since 9.2', () => {
    expect(requestHeaders('9.1', 'a:b')).toEqual({ 'content-type': 'application/json; charset=utf-8' });
    expect(requestHeaders('9.2', 'a:b')).toMatchObject({ authorization: 'Bearer a:b', accept: 'application/json, application/toml;q=0.5' });
  });
});

describe('the response', () => {
  const response = (status: number, contentType: string | null): Parameters<typeof answerForm>[0] => ({
    status,
    contentType,
    body: Buffer.from('x'),
  });
  it('is an answer with 200 and 201 alone, and JSON only when it says so to a release that knows it', () => {
    expect(answerForm(response(200, null), '9.1')).toBe('toml');
    expect(answerForm(response(201, 'application/json; charset=utf-8'), '9.2')).toBe('json');
    expect(answerForm(response(200, 'application/json'), '9.1')).toBe('toml');
    for (const status of [202, 204, 301, 404, 500]) expect(() => answerForm(response(status, null), '9.2')).toThrow(String(status));
  });
});

describe('the fingerprint', () => {
  it('is of the leaf, with and without colons', () => {
    const leaf = Buffer.from('certificate');
    const hex = createHash('sha256').update(leaf).digest('hex');
    expect(isPinned(leaf, hex)).toBe(true);
    expect(isPinned(leaf, hex.toUpperCase().replaceAll(/..(?!$)/g, '$&:'))).toBe(true);
    expect(isPinned(Buffer.from('another'), hex)).toBe(false);
  });
});
