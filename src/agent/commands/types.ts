// What carries out a command: its arguments in, its result out, and all that it may use of the machine in one object. Types, and the way
// to say no. Knows neither how commands arrive nor how answers leave.

import type { IncomingHttpHeaders } from 'node:http';
import type { CommandArgs, CommandName, CommandResult, DiskRef } from '../../inspect/commands.ts';
import type { DiskContents } from '../../inspect/disk-contents.ts';
import type { InventoryReply, Note } from '../../inspect/protocol.ts';
import type { Clock, Random, Run } from '../../lib/index.ts';
import type { ListedDisk } from '../facts/disks.ts';

/** A disk that an order names, found on this machine, and looked at just now. */
export interface ResolvedDisk {
  readonly ref: DiskRef;
  readonly disk: ListedDisk;
  /** The kernel's name at this moment: /dev/sda. A disk that is put in later may get it. */
  readonly path: string;
  readonly contents: DiskContents;
}

export interface Download {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Errors when the connection breaks, also when it breaks off before the end that was announced. */
  readonly body: DownloadBody;
}

export interface DownloadBody extends AsyncIterable<Buffer> {
  destroy(error?: Error): unknown;
}

export interface OpenOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** The URL is at the appliance, or a path there: with its pinned certificate and this agent's token. Otherwise plain HTTP or HTTPS as browsers do. */
  readonly isAppliance: boolean;
  /** Each piece of the body may be gone when the next is asked for: its reader has used or copied it by then, and it costs much less. */
  readonly isReused?: boolean;
  readonly signal: AbortSignal;
}

export interface CommandContext {
  /** Another agent of this machine began it and did not end it: look before doing anything again. */
  readonly isResumed: boolean;
  /** Aborted when the agent ends, never because the network is away: a command runs on without it. */
  readonly signal: AbortSignal;
  readonly run: Run;
  readonly clock: Clock;
  readonly random: Random;
  /** GET. Any status, follows no redirect; a connection that brings nothing for a minute is broken off. */
  readonly open: (url: string, options: OpenOptions) => Promise<Download>;
  /** A line of the command's log, for the task on the appliance. Never a secret. Bounded: the oldest that were not sent make room. */
  readonly log: (line: string, stream?: 'out' | 'err') => void;
  /** Of the whole, from 0 to 1, and what is being done. As often as you like. */
  readonly progress: (fraction: number, text: string) => void;
  /** Something that the appliance should know that is no part of a command's answer; also long after the command has ended. Bounded as log is. */
  readonly note: (kind: Note['kind'], line: string) => void;
  /** A line for the person at the screen. Begin, end and failure are said without it. */
  readonly say: (line: string) => void;
  /**
   * Every disk that the arguments name, or a refusal of all (CommandRefused) with the reason when one is not there, is not alone, is in use,
   * or holds what nobody said yes to. Ask with all of them before the first write to any; and for each again right before it is touched
   * (named-disk.ts): the kernel's name that is given here is good for that moment.
   */
  readonly resolve: (refs: readonly DiskRef[]) => Promise<readonly ResolvedDisk[]>;
  /** Takes the inventory anew and reports it. */
  readonly report: () => Promise<InventoryReply>;
}

export interface Done<N extends CommandName> {
  /** What was done, in words. */
  readonly message: string;
  readonly result: CommandResult<N>;
  /** For commands that end the agent: done when the appliance has heard the answer. */
  readonly leave?: () => Promise<void>;
}

/** Throws CommandRefused where nothing was done, and anything else where it failed. */
export type CommandHandler<N extends CommandName> = (args: CommandArgs<N>, context: CommandContext) => Promise<Done<N>>;

/** A command without a handler is refused. */
export type CommandHandlers = { readonly [N in CommandName]?: CommandHandler<N> };

/** Nothing was done, and why. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
}
