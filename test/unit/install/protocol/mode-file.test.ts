import { parse } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { knowsToken, renderModeFile } from '../../../../src/install/protocol/mode-file-render.ts';

const SECRET = 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8';
const order = {
  url: `https://10.0.0.1:6385/install/answer/${SECRET}`,
  fingerprint: 'ab'.repeat(32),
  token: `4c4c4544-0042-3510-8051-b4c04f4d3232:${SECRET}`,
  release: '9.1',
};

describe('the mode file', () => {
  it('names where to ask and whom to believe, and nothing that the release would refuse', () => {
    expect(renderModeFile(order)).toBe(`mode = "http"\n\n[http]\nurl = "${order.url}"\ncert_fingerprint = "${'ab:'.repeat(31)}ab"\n`);
    expect(parse(renderModeFile(order))).toEqual({
      mode: 'http',
      http: { url: order.url, cert_fingerprint: Array.from({ length: 32 }, () => 'ab').join(':') },
    });
  });

  it('has the token from 9.2 on', () => {
    expect(parse(renderModeFile({ ...order, release: '9.2' })).http).toMatchObject({ token: order.token });
    expect(['8.2', '8.4', '9.0', '9.1', '9.2', '9.10', '10.0'].map(knowsToken)).toEqual([false, false, false, false, true, true, true]);
  });

  it('pins nothing where the appliance speaks plain HTTP', () =>
    expect(parse(renderModeFile({ ...order, url: 'http://10.0.0.1:6385/install/answer/x', fingerprint: null })).http).not.toHaveProperty(
      'cert_fingerprint',
    ));

  it.each([
    ['a quote in the URL', { url: 'https://x/"\nmode = "iso' }],
    ['a line end in the token', { token: 'a\nb', release: '9.2' }],
    ['a short fingerprint', { fingerprint: 'abcd' }],
  ])('is none with %s', (_, change) => expect(() => renderModeFile({ ...order, ...change })).toThrow('mode file'));
});
