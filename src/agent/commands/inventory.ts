// The command inventory: looks at the machine anew and reports it as at the start.

import type { CommandHandler } from './types.ts';

export const takeInventory: CommandHandler<'inventory'> = async (_args, context) => {
  context.progress(0, 'taking the inventory');
  const { node } = await context.report();
  return { message: `the inventory of node ${node.name ?? node.uuid} was taken again`, result: {} };
};
