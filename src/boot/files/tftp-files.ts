// What TFTP may give: the boot files by name, the start script for iPXE builds that ask for it beside themselves, and GRUB's
// configurations. Names come from maps and patterns; no file system stands behind them.

import { open } from 'node:fs/promises';
import { plainAddress, urlHost } from '../http/http-address.ts';
import type { Peer } from '../local-address.ts';
import type { Grub } from '../script/grub.ts';
import type { BootFiles } from './files.ts';

export interface OpenBootFile {
  readonly kind: 'file';
  readonly size: number;
  /** Names the content: what one transfer has read, another may use. */
  readonly key?: string;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export type FindBootFile = (name: string, peer: Peer) => Promise<OpenBootFile | { readonly refuse: string }>;

export interface TftpFilesOptions {
  readonly files: BootFiles;
  readonly startScript: (serverAddress: string) => string;
  readonly grub: Pick<Grub, 'file'>;
  /** Our own address as this machine reaches it. */
  readonly ourAddress: (peer: Peer) => Promise<string>;
}

/** Asked for by loaders that go on without: revocations of shim, and lists of modules that a signed GRUB has inside. */
const HARMLESS = /^(?:revocations(?:_[a-z]+)?\.efi|shim_certificate_\d+\.efi|grub\/[a-z0-9_]+-efi\/[a-z]+\.lst|grub\/grub\.cfg-[\w:-]+)$/;

export function createTftpFiles({ files, startScript, grub, ourAddress }: TftpFilesOptions): FindBootFile {
  return async (asked, peer) => {
    // Firmware writes the name with or without slashes before it; some ROMs end it with bytes that are no text (0xff).
    const name = asked.replace(/^\/+/, '').replace(/[^\x20-\x7e]+$/, '');
    const address = async (): Promise<string> => urlHost(plainAddress(await ourAddress(peer)));
    if (name === 'autoexec.ipxe') return ofText(startScript(await address()));
    const text = await grub.file(name, address);
    if (text !== undefined) return ofText(text);
    const file = files.get(name);
    if (file !== undefined) return ofFile(file);
    if (HARMLESS.test(name)) return { refuse: `${name} is not served: the loader goes on without it` };
    return { refuse: `no boot file named ${JSON.stringify(name.slice(0, 80))}` };
  };
}

async function ofFile(file: { readonly path: string; readonly size: number; readonly sha256: string }): Promise<OpenBootFile> {
  // The handle keeps the bytes of this transfer, whatever is installed meanwhile.
  const handle = await open(file.path, 'r');
  return {
    kind: 'file',
    size: file.size,
    key: file.sha256,
    async read(offset, length) {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await handle.read(buffer, 0, length, offset);
      return buffer.subarray(0, bytesRead);
    },
    close: () => handle.close(),
  };
}

function ofText(text: string): OpenBootFile {
  const bytes = Buffer.from(text);
  return {
    kind: 'file',
    size: bytes.length,
    read: async (offset, length) => bytes.subarray(offset, offset + length),
    close: async () => undefined,
  };
}
