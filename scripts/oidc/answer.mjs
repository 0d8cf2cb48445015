// A question a line in JSON, an answer a line. It prints `ready` first; the end of its input ends it.

import { createInterface } from 'node:readline';

/** Answers with what the operation named by `op` gives; what it throws is `{"error":…}`. */
export async function answer(operations) {
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    let said;
    try {
      const question = JSON.parse(line);
      if (!Object.hasOwn(operations, question.op)) {
        throw new Error(`no operation called \`${question.op}\``);
      }
      said = await operations[question.op](question);
    } catch (error) {
      said = { error: `${error.code ?? error.name}: ${error.message}` };
    }
    console.log(JSON.stringify(said));
  }
  process.exit(0);
}
