// Makes the PXE ROM of QEMU, which is iPXE, look like a vendor's: what it says of itself in DHCP is taken out on the way to the wire, so
// that it is given a loader over TFTP, as a ROM is that can nothing but PXE. From then on everything passes as it is: the loader, which
// is iPXE too, shall be known. Frames come and go through two unix sockets of QEMU's filter-redirector.

import { createServer, type Server, type Socket } from 'node:net';

export interface VendorRom {
  /** For MachineSpec.qemu. */
  readonly qemu: readonly string[];
  /** How many DHCP packets were changed, and which file ended that. */
  readonly changed: () => number;
  close(): Promise<void>;
}

/** Of RFC 3004 and of iPXE: the two by which it is known. */
const IPXE_MARKS: ReadonlySet<number> = new Set([77, 175]);
const PAD = 0;
const END = 255;
const IPV4 = 0x0800;
const UDP = 17;
const DHCP_SERVER = 67;
const TFTP = 69;
const DHCP_OPTIONS = 240;
const ETHERNET = 14;

export async function vendorRom(directory: string, loader: string): Promise<VendorRom> {
  const [fromRom, toWire] = [`${directory}/rom-out.sock`, `${directory}/rom-in.sock`];
  let wire: Socket | undefined;
  let changed = 0;
  let isLoaderAsked = false;
  const onFrame = (frame: Buffer): void => {
    const udp = udpOf(frame);
    if (udp?.port === TFTP && udp.payload.includes(loader)) isLoaderAsked = true;
    if (!isLoaderAsked && udp?.port === DHCP_SERVER) {
      blankMarks(udp.payload);
      udp.checksum.fill(0); // 0 is "none" in IPv4 (RFC 768)
      changed += 1;
    }
  };
  const servers = [
    await listen(fromRom, (socket) => pump(socket, onFrame, (chunk) => wire?.write(chunk))),
    await listen(toWire, (socket) => {
      wire = socket;
    }),
  ];
  const redirector = 'filter-redirector,id=rom,netdev=net0,queue=rx,outdev=romout,indev=romin,vnet_hdr_support=on';
  return {
    qemu: ['-chardev', `socket,id=romout,path=${fromRom}`, '-chardev', `socket,id=romin,path=${toWire}`, '-object', redirector],
    changed: () => changed,
    async close() {
      wire?.destroy();
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}

async function listen(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined); // QEMU is ended without a word
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server;
}

/** QEMU's framing: length, length of the virtio header (both 32 bits, big-endian), then that header and the Ethernet frame. */
function pump(socket: Socket, onFrame: (frame: Buffer) => void, forward: (chunk: Buffer) => void): void {
  let held = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 8 && held.length >= 8 + held.readUInt32BE(0)) {
      const whole = held.subarray(0, 8 + held.readUInt32BE(0));
      held = held.subarray(whole.length);
      onFrame(whole.subarray(8 + whole.readUInt32BE(4)));
      forward(whole);
    }
  });
}

/** Views of the frame's bytes, to be changed in place. */
function udpOf(frame: Buffer): { port: number; payload: Buffer; checksum: Buffer } | undefined {
  if (frame.length < ETHERNET + 28 || frame.readUInt16BE(12) !== IPV4 || frame[ETHERNET + 9] !== UDP) return undefined;
  const udp = frame.subarray(ETHERNET + ((frame[ETHERNET] ?? 0) & 15) * 4);
  return { port: udp.readUInt16BE(2), payload: udp.subarray(8), checksum: udp.subarray(6, 8) };
}

/** The bytes of those options become padding: nothing else moves. */
function blankMarks(dhcp: Buffer): void {
  let at = DHCP_OPTIONS;
  while (at < dhcp.length && dhcp[at] !== END) {
    const code = dhcp[at] ?? END;
    const next = code === PAD ? at + 1 : at + 2 + (dhcp[at + 1] ?? 0);
    if (IPXE_MARKS.has(code)) dhcp.fill(PAD, at, next);
    at = next;
  }
}
