// What can go wrong between a machine's first packet and its kernel.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const BOOT_ERRORS = {
  'boot.artefacts_missing': { status: 503, about: 'The boot files (iPXE, the agent kernel and RAM system) are not there or not whole.' },
  'boot.port_in_use': { status: 500, about: 'Another program listens on the port of the boot listener.' },
  'boot.port_denied': { status: 500, about: 'The operating system does not let us listen on the port of the boot listener.' },
  'boot.unsafe_value': { status: 500, about: 'A value that was to go into a boot script has characters that could change the script.' },
  'boot.bad_request': { status: 400, about: 'A machine asked for a boot script with parameters that make no sense.' },
  'boot.own_file_broken': { status: 503, about: 'A boot loader that an operator added is not there or not whole.' },
  'boot.file_changed': { status: 500, about: 'A file changed while it was being copied to the boot files.' },
  'boot.loader_refused': { status: 400, about: 'A file is no boot loader for what it was to be used as.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(BOOT_ERRORS);
