// [tasks], [power] and [webhooks]: how much is done at once, and who is told.

import { Type } from 'typebox';
import { closed, secret, text, texts, whole } from '../fields.ts';

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
