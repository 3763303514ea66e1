// What the boot service asks of whoever keeps the record of installations, and what it tells it. Types only.

import type { InstallProgress } from './decide/install-decide.ts';
import type { Servable } from './http/servable.ts';

/** What the installer of one deployment is booted with. */
export interface InstallerBoot {
  /** In the paths of its files: nobody guesses it. */
  readonly bootId: string;
  /** "Proxmox VE 9.1-1" */
  readonly title: string;
  readonly bytes: number;
  /** As the kernel names it: ttyS0,115200. */
  readonly console: string | null;
}

export const INSTALL_FILES = ['vmlinuz', 'initrd.img', 'proxmox.iso'] as const;
export type InstallFile = (typeof INSTALL_FILES)[number];

/** Something that is sent, and who wants to know how far it has come. */
export interface WatchedServable {
  readonly servable: Servable;
  readonly watch?: SendWatch;
}

export interface SendWatch {
  /** So many more bytes have been handed to the network. */
  add(bytes: number): void;
  /** `isComplete`: all that was asked for has left. */
  end(isComplete: boolean): void;
}

export interface Installs {
  /** Null: nothing was prepared for the deployment that the node is in. */
  progress(nodeUuid: string): Promise<InstallProgress | null>;
  /** Counts a boot of the installer, in the store before it goes out. Undefined: meanwhile it may boot no more. */
  begin(nodeUuid: string): Promise<InstallerBoot | undefined>;
  /** Somebody asked for the machine's boot script when there was none for it. It is told, and ends nothing. */
  cameBack(nodeUuid: string, reason: string): Promise<void>;
  /** A machine that runs its own system asked for its boot script on the way there. Never keeps it waiting. */
  started(nodeUuid: string): void;
  /** Undefined: there is none under this id now. `serverAddress`: ours, as the machine reached it, fit for a URL. */
  file(bootId: string, name: InstallFile, serverAddress: string): Promise<WatchedServable | undefined>;
}

/** Where no installer can be: nothing is prepared for any machine. */
export const NO_INSTALLS: Installs = {
  progress: () => Promise.resolve(null),
  begin: () => Promise.resolve(undefined),
  cameBack: () => Promise.resolve(),
  started: () => undefined,
  file: () => Promise.resolve(undefined),
};
