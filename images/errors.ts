// What can go wrong while the boot artefacts are made.

import { defineErrors, type ErrorCatalogue } from '../src/lib/index.ts';

export const IMAGES_ERRORS = {
  'images.tools_missing': { status: 500, about: 'Programs that build the RAM system are not installed on this machine.' },
  'images.no_sources': {
    status: 500,
    about: "This machine's apt has no Debian archive configured to take the RAM system's packages from.",
  },
  'images.no_node': { status: 500, about: 'There is no Node for the processor that a RAM system is to be built for.' },
  'images.resolve_failed': {
    status: 503,
    about: "apt could not read the archive's package lists, or could not resolve the packages of the RAM system.",
    retryable: true,
  },
  'images.download_failed': { status: 503, about: 'apt could not download or verify the packages of the RAM system.', retryable: true },
  'images.build_failed': { status: 500, about: "A step of the RAM system's recipe failed." },
  'images.locked': { status: 503, about: 'Another process has been building the boot artefacts for too long.', retryable: true },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(IMAGES_ERRORS);
