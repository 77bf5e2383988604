// What worker.py is for Python: the same lines of JSON go in and out. It is given the folder that has plexjs.

const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

const ACCOUNT = "get_token_details";
const CALLERS = 64;

const started = performance.now();
const { PlexAPI } = createRequire(`${process.argv[2]}/`)("@lukehagar/plexjs");
const importSeconds = secondsSince(started);

function secondsSince(start) {
  return (performance.now() - start) / 1000;
}

function cpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000_000;
}

function report(measured) {
  process.stdout.write(JSON.stringify(measured) + "\n");
}

// getSourceConnectionInformation is not among them: plexjs throws the body away.
function operationsOf(world) {
  const plex = new PlexAPI({ accessToken: world.token });
  return {
    async [ACCOUNT]() {
      const { userPlexAccount } = await plex.authentication.getTokenDetails({ serverURL: world.url });
      const read = [userPlexAccount.username, userPlexAccount.subscription.features.length];
      if (read.join() !== world.facts[ACCOUNT].join()) {
        throw new Error(`${read} instead of ${world.facts[ACCOUNT]}`);
      }
    },
  };
}

async function repeat(operation, calls) {
  const seconds = [];
  const cpu = cpuSeconds();
  for (let call = 0; call < calls; call++) {
    const start = performance.now();
    await operation();
    seconds.push(secondsSince(start));
  }
  return { seconds, cpu_seconds: cpuSeconds() - cpu };
}

async function crowd(operation, seconds) {
  let calls = 0;
  const cpu = cpuSeconds();
  const start = performance.now();
  async function call() {
    while (secondsSince(start) < seconds) {
      await operation();
      calls++;
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, call));
  return { calls, seconds: secondsSince(start), cpu_seconds: cpuSeconds() - cpu };
}

async function main() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const operations = operationsOf(JSON.parse((await lines.next()).value));
  const start = performance.now();
  await operations[ACCOUNT]();
  report({
    import_seconds: importSeconds,
    first_call_seconds: secondsSince(start),
    operations: Object.keys(operations),
  });
  for await (const line of lines) {
    const task = JSON.parse(line);
    if (task.repeat) {
      report(await repeat(operations[task.repeat], task.calls));
    } else {
      report(await crowd(operations[task.crowd], task.seconds));
    }
  }
}

main();
