// What drivers and the boot service ask of installations, before those who answer are made: they need the life cycle, which needs the drivers.

import { type Installs, NO_INSTALLS } from './boot/index.ts';
import { createGivenUp } from './install/index.ts';
import { type Clock, type Component, createVigil, type Log, type Vigil } from './lib/index.ts';
import { type InstallDesk, NO_INSTALL_DESK } from './power/index.ts';
import type { Store } from './store/index.ts';

/** Running, it ends those that were given up. */
export interface LateInstalls extends Component {
  readonly desk: InstallDesk;
  readonly boot: Installs;
  /** Who counts for how long machines are silent. */
  readonly vigil: Vigil;
  /** Before anything starts. Unless it is called nothing can be installed, and whoever asks is told so. */
  bind(given: { readonly desk: InstallDesk; readonly boot: Installs }): void;
}

export interface LateInstallsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}

export function lateInstalls({ store, clock, log }: LateInstallsOptions): LateInstalls {
  const vigil = createVigil(clock);
  let now: { readonly desk: InstallDesk; readonly boot: Installs } = { desk: NO_INSTALL_DESK, boot: NO_INSTALLS };
  const desk: InstallDesk = {
    refusal: (target) => now.desk.refusal(target),
    prepare: (order) => now.desk.prepare(order),
    arm: (order) => now.desk.arm(order),
    standing: (nodeUuid, deployment, goal) => now.desk.standing(nodeUuid, deployment, goal),
    signIn: (nodeUuid, deployment, signal) => now.desk.signIn(nodeUuid, deployment, signal),
    abandon: (nodeUuid, deployment, reason) => now.desk.abandon(nodeUuid, deployment, reason),
  };
  return {
    ...createGivenUp({ store, log, book: desk, vigil }),
    desk,
    vigil,
    boot: {
      progress: (nodeUuid) => now.boot.progress(nodeUuid),
      begin: (nodeUuid) => now.boot.begin(nodeUuid),
      cameBack: (nodeUuid, reason) => now.boot.cameBack(nodeUuid, reason),
      started: (nodeUuid) => now.boot.started(nodeUuid),
      file: (bootId, name, serverAddress) => now.boot.file(bootId, name, serverAddress),
    },
    bind: (given) => {
      now = given;
    },
  };
}
