// Every command that this agent carries out. One that is not here is refused by name.

import { createInstallBoot } from './boot-entry/install-boot.ts';
import { writeConfigdrive } from './configdrive.ts';
import { eraseDisks, eraseMetadata } from './erase/erase.ts';
import { createWriteImage } from './image/write-image.ts';
import { takeInventory } from './inventory.ts';
import { createLeaving } from './leave.ts';
import { createLoad } from './load.ts';
import { createRescue } from './rescue.ts';
import { stampDisks } from './stamp.ts';
import type { CommandHandlers } from './types.ts';

/** Once in the agent's life: what a handler keeps between commands lives in its own factory. */
export function createHandlers(): CommandHandlers {
  return {
    ...createLeaving(),
    ...createRescue(),
    ...createLoad(),
    inventory: takeInventory,
    erase_metadata: eraseMetadata,
    erase_disks: eraseDisks,
    stamp_disks: stampDisks,
    write_image: createWriteImage(),
    write_configdrive: writeConfigdrive,
    install_boot: createInstallBoot(),
  };
}
