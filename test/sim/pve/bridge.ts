// A way to the stand-in's commands for machines that are only made by a test: a listener, and the shims that speak to it. Asks nobody who he is: for
// loopback and the test's own networks.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { execOn } from './commands/index.ts';
import type { World } from './world.ts';

export interface Bridge {
  readonly address: string;
  readonly port: number;
  /** Member and words of each command. */
  readonly asked: (readonly string[])[];
  close(): Promise<void>;
}

/** More is no command. */
const MAX_BYTES = 1024 * 1024;

/** POST /MEMBER with words that each end with NUL, their count in x-words, then stdin. Back: x-code, and out and err behind each other. */
export async function startBridge(world: World, address = '127.0.0.1', port = 0): Promise<Bridge> {
  const asked: (readonly string[])[] = [];
  const server = createServer((request, response) => void answer(world, asked, request, response));
  await new Promise<void>((resolve) => server.listen(port, address, resolve));
  return {
    address,
    port: (server.address() as AddressInfo).port, // it listens on a port
    asked,
    close: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(world: World, asked: (readonly string[])[], request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await bodyOf(request);
  if (body === undefined) return; // whoever asked has gone, or says too much
  const member = decodeURIComponent(request.url?.slice(1) ?? '');
  const parts = body.split('\0');
  const count = Number(request.headers['x-words'] ?? 0);
  const words = parts.slice(0, count);
  asked.push([member, ...words]);
  try {
    const { code, out, err } = await execOn(world, member, words, parts.slice(count).join('\0'));
    response.writeHead(200, { 'x-code': code, 'x-out': Buffer.byteLength(out) });
    response.end(out + err);
  } catch (thrown) {
    response.writeHead(500);
    response.end(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request) {
      chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set: bytes
      size += chunks.at(-1)?.length ?? 0;
      if (size > MAX_BYTES) return void request.destroy();
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The programs that a guest gets shims for. */
export const SHIMMED = ['pvesh', 'pvecm', 'pveceph', 'ceph'] as const;

/** A program for a guest, by what Debian's perl-base has. It is named as the one that it stands for. */
export function shimFor({ address, port }: Pick<Bridge, 'address' | 'port'>, member: string): string {
  return `#!/usr/bin/perl
# Stands for a program of Proxmox VE: hands its words to the test's stand-in.
use strict;
use warnings;
use IO::Socket::INET;

my $name = $0 =~ s!.*/!!r;
my @words = ($name, @ARGV);
my $in = '';
if (!-t STDIN) { local $/; $in = <STDIN> // ''; }
my $body = join('', map { "$_\\0" } @words) . $in;
my $socket = IO::Socket::INET->new(PeerAddr => '${address}', PeerPort => ${port}, Proto => 'tcp')
  or do { print STDERR "$name: the stand-in does not answer: $!\\n"; exit 111; };
print $socket "POST /${member} HTTP/1.0\\r\\nx-words: " . @words . "\\r\\ncontent-length: " . length($body) . "\\r\\n\\r\\n" . $body;
local $/;
my $answer = <$socket> // '';
my ($head, $rest) = split /\\r\\n\\r\\n/, $answer, 2;
my ($code) = ($head // '') =~ /^x-code: (\\d+)/mi;
my ($out) = ($head // '') =~ /^x-out: (\\d+)/mi;
if (!defined $code) { print STDERR "$name: the stand-in says: " . ($rest // 'nothing') . "\\n"; exit 112; }
print STDOUT substr($rest, 0, $out);
print STDERR substr($rest, $out);
exit $code;
`;
}
