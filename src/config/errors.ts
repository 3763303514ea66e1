// What can be wrong with the configuration, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const CONFIG_ERRORS = {
  'config.not_found': { status: 500, about: 'The configuration file that was named does not exist.' },
  'config.not_a_file': { status: 500, about: 'The path of the configuration file is a directory, a socket or a device.' },
  'config.not_readable': { status: 500, about: 'The configuration file exists, but the system refuses to read it.' },
  'config.too_large': { status: 500, about: 'The configuration file is larger than 1 MiB, so it is probably another file.' },
  'config.not_text': { status: 500, about: 'The configuration file holds bytes that are not UTF-8 text, or NUL bytes.' },
  'config.syntax': { status: 500, about: 'The configuration file is not TOML: the place where reading stopped is named.' },
  'config.invalid': {
    status: 500,
    about: 'Keys or values of the configuration are wrong: all of them are listed with file, line and key.',
  },
  'config.bad_listen': { status: 500, about: 'A text is not an address to listen on, such as 0.0.0.0:6385 or [::1]:6385.' },
  'config.secret_unavailable': {
    status: 500,
    about: 'A secret that the configuration refers to (environment variable, file, systemd credential) is missing, empty or unreadable.',
  },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(CONFIG_ERRORS);
