// What drivers and the boot service ask of installations, before those who answer are made: they need the life cycle, which needs the drivers.

import { type Installs, NO_INSTALLS } from './boot/index.ts';
import { type InstallDesk, NO_INSTALL_DESK } from './power/index.ts';

export interface LateInstalls {
  readonly desk: InstallDesk;
  readonly boot: Installs;
  /** Before anything starts. Unless it is called nothing can be installed, and whoever asks is told so. */
  bind(given: { readonly desk: InstallDesk; readonly boot: Installs }): void;
}

export function lateInstalls(): LateInstalls {
  let now: { readonly desk: InstallDesk; readonly boot: Installs } = { desk: NO_INSTALL_DESK, boot: NO_INSTALLS };
  return {
    desk: {
      refusal: (target) => now.desk.refusal(target),
      prepare: (order) => now.desk.prepare(order),
      arm: (order) => now.desk.arm(order),
      standing: (nodeUuid, deployment, goal) => now.desk.standing(nodeUuid, deployment, goal),
      signIn: (nodeUuid, deployment, signal) => now.desk.signIn(nodeUuid, deployment, signal),
      abandon: (nodeUuid, deployment, reason) => now.desk.abandon(nodeUuid, deployment, reason),
    },
    boot: {
      progress: (nodeUuid) => now.boot.progress(nodeUuid),
      begin: (nodeUuid) => now.boot.begin(nodeUuid),
      cameBack: (nodeUuid, reason) => now.boot.cameBack(nodeUuid, reason),
      file: (bootId, name, serverAddress) => now.boot.file(bootId, name, serverAddress),
    },
    bind: (given) => {
      now = given;
    },
  };
}
