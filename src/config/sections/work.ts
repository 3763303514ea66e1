// [tasks], [power] and [webhooks]: how much is done at once, and who is told.

import { Type } from 'typebox';
import { closed, flag, oneOf, secret, text, texts, whole } from '../fields.ts';

export const TasksSection = Type.Object(
  {
    workers: whole({
      description: 'Tasks that run at the same time; further ones wait in a queue.',
      minimum: 1,
      maximum: 1000,
      default: 16,
      examples: [16],
    }),
  },
  { ...closed, description: 'The task engine.' },
);

export const CLEANINGS = ['metadata', 'express', 'full'] as const;

export const LifecycleSection = Type.Object(
  {
    automated_clean: flag({
      description:
        'Clean a machine before it becomes available, where its node does not say otherwise. Only what its wipe plan names is erased.',
      default: true,
      examples: [true],
    }),
    clean: oneOf(CLEANINGS, {
      description:
        'What cleaning erases by itself. "metadata": partition tables and signatures. "express": also all data where the disk does that itself in a minute (NVMe format, discard). "full": every disk whole, by its secure erase or by overwriting, which takes hours on large disks.',
      default: 'express',
      examples: ['express'],
    }),
    max_deploys: whole({
      description: 'Deployments under way at the same time; further ones wait in a queue.',
      minimum: 1,
      maximum: 10_000,
      default: 250,
      examples: [250],
    }),
    max_cleans: whole({
      description: 'Cleanings, and likewise tear-downs, under way at the same time; further ones wait in a queue.',
      minimum: 1,
      maximum: 10_000,
      default: 50,
      examples: [50],
    }),
    soft_power_off_seconds: whole({
      description: 'How long an operating system may take to shut down when it is asked to, in seconds.',
      minimum: 1,
      maximum: 86_400,
      default: 600,
      examples: [600],
    }),
    fast_track: flag({
      description: 'Work on a machine that runs our agent already without booting it first.',
      default: true,
      examples: [true],
    }),
    agents_elsewhere: flag({
      description:
        'Take OpenStack agents whose callback URL names another host than the one that they speak from: only where address translation or a proxy is between.',
      default: false,
      examples: [false],
    }),
    disallow_clean_steps: steps('Clean'),
    disallow_deploy_steps: steps('Deploy'),
    disallow_service_steps: steps('Service'),
  },
  { ...closed, description: 'What the verbs of a machine do: verify, clean, deploy, service and the rest.' },
);

function steps(kind: string) {
  return texts({
    description: `${kind} steps that nobody may ask for, as interface.step.`,
    pattern: '^[a-z]+\\.[A-Za-z0-9_]+$',
    'x-expected': 'a step such as "vendor.send_raw"',
    default: ['vendor.send_raw'],
    examples: [['vendor.send_raw']],
  });
}

export const PowerSection = Type.Object(
  {
    sync_seconds: whole({
      description: 'How often the power state of each machine is read, in seconds. 0 turns it off.',
      minimum: 0,
      maximum: 86_400,
      default: 60,
      examples: [60],
    }),
    workers: whole({ description: 'Machines asked at the same time.', minimum: 1, maximum: 1000, default: 8, examples: [8] }),
    timeout_seconds: whole({
      description: 'How long a machine may take to reach the power state asked for, in seconds.',
      minimum: 1,
      maximum: 3600,
      default: 60,
      examples: [60],
    }),
    call_timeout_seconds: whole({
      description: 'How long one answer of a BMC, smart plug or other power device may take, in seconds.',
      minimum: 1,
      maximum: 600,
      default: 30,
      examples: [30],
    }),
    sync_failures: whole({
      description: 'After how many failures in a row to read its power state a machine is put into maintenance.',
      minimum: 1,
      maximum: 100,
      default: 3,
      examples: [3],
    }),
    recovery_seconds: whole({
      description: 'How often a machine that was put into maintenance so is asked whether it answers again, in seconds.',
      minimum: 10,
      maximum: 86_400,
      default: 300,
      examples: [300],
    }),
  },
  { ...closed, description: 'Power control.' },
);

export const WebhookTarget = Type.Object(
  {
    url: text({ description: 'Where to POST.', format: 'http-url', 'x-hide': true, examples: ['https://hooks.example/rackseed'] }),
    events: texts({
      description: 'Which events: types such as "node.moved", or "node.*". Empty: all.',
      pattern: '^(?:\\*|[a-z][a-z0-9_]*(?:\\.[a-z0-9_]+)*(?:\\.\\*)?)$',
      'x-expected': 'an event type such as "node.moved" or "node.*"',
      examples: [['node.*', 'task.failed']],
    }),
    secret: Type.Optional(
      secret({ description: 'Key that signs each request, by reference.', examples: [{ file: '/etc/rackseed/webhook-secret' }] }),
    ),
  },
  { ...closed, description: 'One receiver of events.' },
);

export const WebhooksSection = Type.Object(
  {
    timeout_seconds: whole({
      description: 'How long a receiver may take, in seconds.',
      minimum: 1,
      maximum: 120,
      default: 10,
      examples: [10],
    }),
    target: Type.Array(WebhookTarget, { description: 'Receivers of events.', maxItems: 64, default: [] }),
  },
  { ...closed, description: 'Events as HTTP requests to other programs.' },
);
