import { describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../../src/agent/command-line.ts';

const FINGERPRINT = 'ab'.repeat(32);
const LINE = `console=tty0 console=ttyS0,115200 quiet rackseed.url=https://192.0.2.1:6385 rackseed.fp=${FINGERPRINT} rackseed.secret=s3cr=t rackseed.mac=52-54-00-12-34-56\n`;

describe('the kernel command line', () => {
  it('names the appliance, its certificate, the secret and the boot port', () => {
    const words = parseCommandLine(LINE);
    expect(words.url.origin).toBe('https://192.0.2.1:6385');
    expect(words).toMatchObject({ fingerprint: FINGERPRINT, mac: '52:54:00:12:34:56' });
    expect(words.secret.reveal()).toBe('s3cr=t');
    expect(JSON.stringify(words)).not.toContain('s3cr');
  });

  it('takes a fingerprint with colons and capitals, as tools print it', () => {
    const printed = FINGERPRINT.toUpperCase().replaceAll(/(..)(?=.)/g, '$1:');
    expect(parseCommandLine(LINE.replace(FINGERPRINT, printed)).fingerprint).toBe(FINGERPRINT);
  });

  it('names the chain of loaders when it is the one of Secure Boot, and nothing else', () => {
    expect(parseCommandLine(LINE).chain).toBeNull();
    expect(parseCommandLine(`${LINE.trim()} rackseed.chain=shim-grub`).chain).toBe('shim-grub');
    expect(parseCommandLine(`${LINE.trim()} rackseed.chain=other`).chain).toBeNull();
  });

  it('may lack the boot port', () => {
    expect(parseCommandLine(LINE.replace('rackseed.mac=52-54-00-12-34-56', 'rackseed.mac=')).mac).toBeNull();
  });

  it.each([
    ['no URL', LINE.replace(/rackseed\.url=\S+/, ''), 'rackseed.url is missing'],
    ['a URL that is none', LINE.replace('https://192.0.2.1:6385', '192.0.2.1'), 'rackseed.url is no URL'],
    ['plain HTTP', LINE.replace('https:', 'http:'), 'must be https://'],
    ['another scheme', LINE.replace('https:', 'ftp:'), 'must be https://'],
    ['a name that only begins like loopback', LINE.replace('https://192.0.2.1', 'http://127.0.0.1.example.org'), 'must be https://'],
    ['a password in the URL', LINE.replace('https://', 'https://user:word@'), 'must not carry a user or password'],
    ['no fingerprint', LINE.replace(/rackseed\.fp=\S+/, ''), 'rackseed.fp is missing'],
    ['half a fingerprint', LINE.replace(FINGERPRINT, 'abcd'), 'is not the SHA-256'],
    ['no secret', LINE.replace(/rackseed\.secret=\S+/, ''), 'rackseed.secret is missing'],
  ])('is refused with %s, naming the word', (_what, line, message) => {
    expect(() => parseCommandLine(line)).toThrow(message);
  });

  it('allows plain HTTP on loopback, where no fingerprint exists', () => {
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      expect(parseCommandLine(`rackseed.url=http://${host}:6385 rackseed.secret=s`).fingerprint).toBeNull();
  });
});
