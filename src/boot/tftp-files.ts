// What TFTP may give: the boot files by name, and the start script for iPXE builds that ask for it beside themselves.

import { open } from 'node:fs/promises';
import type { BootFiles } from './files.ts';

export interface OpenBootFile {
  readonly kind: 'file';
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export type FindBootFile = (name: string) => Promise<OpenBootFile | { readonly refuse: string }>;

export interface TftpFilesOptions {
  readonly files: BootFiles;
  /** Null when no one address of ours is right for every machine: iPXE then goes on with DHCP. */
  readonly startScript: (() => string) | null;
}

export function createTftpFiles({ files, startScript }: TftpFilesOptions): FindBootFile {
  return async (asked) => {
    // Firmware writes the name with or without a slash before it; some ROMs end it with bytes that are no text (0xff).
    const name = asked.replace(/^\/+/, '').replace(/[^\x20-\x7e]+$/, '');
    if (name === 'autoexec.ipxe' && startScript !== null) return ofText(startScript());
    const file = files.get(name);
    if (file === undefined) return { refuse: `no boot file named ${JSON.stringify(name.slice(0, 80))}` };
    const handle = await open(file.path, 'r');
    return {
      kind: 'file',
      size: file.size,
      async read(offset, length) {
        const buffer = Buffer.alloc(length);
        const { bytesRead } = await handle.read(buffer, 0, length, offset);
        return buffer.subarray(0, bytesRead);
      },
      close: () => handle.close(),
    };
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
