// [server], [store] and [auth]: where the appliance listens, what it keeps and who may speak to it.

import { Type } from 'typebox';
import { closed, flag, oneOf, secret, text, texts, whole } from '../fields.ts';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export const AUTH_MODES = ['token', 'basic', 'none'] as const;

export const ServerSection = Type.Object(
  {
    name: text({
      description: 'Name of this appliance, shown to people and given to the machines it boots.',
      format: 'hostname',
      default: 'rackseed',
      examples: ['rackseed-1'],
    }),
    listen: text({
      description: 'Address and port of the API and the user interface.',
      format: 'listen',
      default: '0.0.0.0:6385',
      examples: ['[::]:6385'],
    }),
    boot_listen: text({
      description: 'Address and port of the plain HTTP listener for firmware and iPXE. It serves boot artefacts only.',
      format: 'listen',
      default: '0.0.0.0:6386',
      examples: ['10.0.0.2:6386'],
    }),
    public_url: Type.Optional(
      text({
        description: 'How people and machines reach the API. Without it the address of the interface that a machine is heard on is used.',
        format: 'http-origin',
        examples: ['https://rackseed.example:6385'],
      }),
    ),
    boot_url: Type.Optional(
      text({
        description: 'How booting machines reach boot_listen. Without it the address of the interface that a machine is heard on is used.',
        format: 'http-origin',
        examples: ['http://10.0.0.2:6386'],
      }),
    ),
    boot_x_accel: Type.Optional(
      text({
        description:
          'For an nginx in front of boot_listen: its internal location that maps to artefacts_dir. Files asked for through it are then sent by nginx (X-Accel-Redirect); whoever asks directly still gets them from us. Needs boot_url.',
        format: 'location',
        examples: ['/rackseed-files/'],
      }),
    ),
    boot_proxies: texts({
      description:
        'Addresses that the nginx of boot_x_accel speaks to us from. Only these are believed when they name a machine in X-Real-IP. Without any: loopback.',
      format: 'ip-address',
      examples: [['127.0.0.1']],
    }),
    data_dir: text({
      description: 'Folder for everything that must survive a restart. Absolute.',
      format: 'path',
      'x-default': '/var/lib/rackseed as a system service, ~/.local/share/rackseed for an ordinary user',
      examples: ['/var/lib/rackseed'],
    }),
    artefacts_dir: text({
      description: 'Folder of the boot artefacts: iPXE, kernels, RAM systems, images. Can be made again at any time.',
      format: 'path',
      'x-default': 'artefacts in data_dir',
      examples: ['/var/lib/rackseed/artefacts'],
    }),
    tls: flag({
      description: 'HTTPS on `listen`. May be false only when `listen` is a loopback address, or with force_plain.',
      default: true,
      examples: [true],
    }),
    force_plain: flag({
      description: 'Accept tls = false on an address that others can reach: for a proxy in front that speaks HTTPS.',
      default: false,
      examples: [false],
    }),
    observe_only: flag({
      description: 'Watch and plan everything, write nothing: no machine of this site is booted, powered or changed.',
      default: false,
      examples: [false],
    }),
    log_level: oneOf(LOG_LEVELS, {
      description: 'How much is logged: trace, debug, info, warn or error.',
      default: 'info',
      examples: ['debug'],
    }),
  },
  { ...closed, description: 'The appliance itself.' },
);

export const StoreSection = Type.Object(
  {
    url: text({
      description: 'The database: SQLite in one file, or PostgreSQL (then several appliances can share the work).',
      format: 'store-url',
      'x-default': 'rackseed.sqlite in server.data_dir',
      'x-hide': true,
      examples: ['sqlite:///var/lib/rackseed/rackseed.sqlite'],
    }),
    password: Type.Optional(
      secret({
        description: 'Password for PostgreSQL, by reference. It does not go into `url`.',
        examples: [{ file: '/etc/rackseed/store-password' }],
      }),
    ),
    key_file: text({
      description: 'File with the key that encrypts secrets in the database. Made at the first start; keep it in the backup.',
      format: 'path',
      'x-default': 'store.key in server.data_dir',
      examples: ['/var/lib/rackseed/store.key'],
    }),
    credential: Type.Optional(
      text({
        description: 'Name of a systemd credential that holds the key instead of key_file.',
        'x-instead': 'key_file',
        format: 'credential',
        examples: ['rackseed-store-key'],
      }),
    ),
  },
  { ...closed, description: 'Where nodes, tasks and events are kept.' },
);

/** From the least to the most powerful. */
export const AUTH_ROLES = ['reader', 'member', 'operator', 'admin'] as const;

export const AuthUser = Type.Object(
  {
    name: text({ description: 'Name in htpasswd_file.', examples: ['ci'] }),
    role: oneOf(AUTH_ROLES, {
      description: 'What the user may do: reader (look), member (reserve), operator (run machines), admin (everything).',
      default: 'admin',
      examples: ['operator'],
    }),
    project: Type.Optional(
      text({
        description: 'Sees and does only what the owner or lessee of this name may, as in Ironic.',
        maxLength: 255,
        examples: ['lab-7'],
      }),
    ),
  },
  { ...closed, description: 'What a user of htpasswd_file may do.' },
);

export const AuthSection = Type.Object(
  {
    mode: oneOf(AUTH_MODES, {
      description:
        'How clients of /v1 (the bare-metal API) prove who they are. "token": bearer token. "basic": HTTP basic too. "none": not at all (loopback only, or with force_open).',
      default: 'token',
      examples: ['token'],
    }),
    htpasswd_file: Type.Optional(
      text({
        description:
          'File of users and bcrypt hashes, for mode = "basic": made with htpasswd -B, read again when it changes. Its users may use /v1.',
        format: 'path',
        examples: ['/etc/rackseed/htpasswd'],
      }),
    ),
    basic_role: oneOf(AUTH_ROLES, {
      description: 'What users of htpasswd_file may do that no [[auth.user]] names. In Ironic they are administrators.',
      default: 'admin',
      examples: ['operator'],
    }),
    user: Type.Array(AuthUser, {
      description: 'Users of htpasswd_file who may do something else than basic_role.',
      maxItems: 1000,
      default: [],
    }),
    session_idle_minutes: whole({
      description: 'Who signed in and then did nothing for so long has to sign in again, in minutes.',
      minimum: 5,
      maximum: 43_200,
      default: 720,
      examples: [60],
    }),
    session_hours: whole({
      description: 'Who signed in has to sign in again after so long, in hours.',
      minimum: 1,
      maximum: 2160,
      default: 168,
      examples: [24],
    }),
    force_open: flag({
      description: 'Accept mode = "none" on an address that others can reach. Whoever reaches it may wipe machines.',
      default: false,
      examples: [false],
    }),
  },
  { ...closed, description: 'Who may use the API.' },
);
