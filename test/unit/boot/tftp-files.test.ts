import { describe, expect, it } from 'vitest';
import { createTftpFiles } from '../../../src/boot/index.ts';

const PEER = { address: '192.0.2.2', port: 2000 };
const find = createTftpFiles({
  files: new Map(),
  startScript: (address) => `#!ipxe at ${address}`,
  grub: { file: async (name, address) => (name === 'grub/grub.cfg' ? `echo '${await address()}'` : undefined) },
  ourAddress: async (peer) => (peer.address.includes(':') ? 'fd00::1' : '192.0.2.1'),
});

async function textOf(name: string, address = PEER.address): Promise<string> {
  const found = await find(name, { address, port: 2000 });
  if ('refuse' in found) throw new Error(found.refuse);
  return Buffer.from(await found.read(0, found.size)).toString();
}

describe('what TFTP gives', () => {
  it('is the start script and GRUB’s configuration, with our address as this machine reaches it', async () => {
    expect(await textOf('autoexec.ipxe')).toBe('#!ipxe at 192.0.2.1');
    expect(await textOf('/autoexec.ipxe', 'fd00::2')).toBe('#!ipxe at [fd00::1]');
    expect(await textOf('/grub/grub.cfg')).toBe("echo '192.0.2.1'");
  });

  it.each([
    'revocations_sku.efi',
    'revocations_sbat.efi',
    'shim_certificate_0.efi',
    '/grub/x86_64-efi/command.lst',
    '/grub/grub.cfg-01-52-54-00',
  ])('is not %s, and the refusal says that the loader goes on without it', async (name) => {
    await expect(textOf(name)).rejects.toThrow(/goes on without it/);
  });

  it.each(['pxelinux.0', '../../etc/passwd', '', '\u00ff\u00ff'])('is nothing named %j', async (name) => {
    await expect(textOf(name)).rejects.toThrow(/no boot file named/);
  });
});
