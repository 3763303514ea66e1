// Memory that O_DIRECT takes. Knows nothing of disks.

const PAGE = 65_536;

/** Of the language, but in no type library that a program without a browser has. */
declare const WebAssembly: {
  readonly Memory: {
    new (limits: { readonly initial: number; readonly maximum: number; readonly shared: true }): { readonly buffer: SharedArrayBuffer };
    new (limits: { readonly initial: number }): { readonly buffer: ArrayBuffer };
  };
};

/**
 * Buffers that begin at a page: direct I/O refuses others with EINVAL, and Node's own begin 16 bytes after one. The memory of a
 * WebAssembly instance is mapped by the page, and needs no native code of ours.
 */
export function alignedBuffers(count: number, bytes: number): Buffer[] {
  const each = pagesOf(bytes) * PAGE;
  const memory = new WebAssembly.Memory({ initial: (count * each) / PAGE });
  return Array.from({ length: count }, (_, index) => Buffer.from(memory.buffer, index * each, bytes));
}

/** The same, seen by other threads too; each buffer's `byteOffset` is its place in the memory. */
export function sharedBuffers(count: number, bytes: number): { readonly memory: SharedArrayBuffer; readonly buffers: readonly Buffer[] } {
  const pages = count * pagesOf(bytes);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true }).buffer;
  return { memory, buffers: Array.from({ length: count }, (_, index) => Buffer.from(memory, index * pagesOf(bytes) * PAGE, bytes)) };
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE);
}
