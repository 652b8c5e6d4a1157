// Runs docker/metadata-action's bundle for every case on standard input (one JSON document a line) and prints what it gave,
// in the same order. Each case has a process object, a clock and a module state of its own; one server answers as GitHub.
'use strict';
const fs = require('fs');
const http = require('http');
const os = require('os');
const path = require('path');
const readline = require('readline');
const vm = require('vm');

const bundle = path.resolve(process.argv[2]);
const source = fs.readFileSync(bundle, 'utf8').replace(/^#!.*/, '');
const names = ['exports', 'require', 'module', '__filename', '__dirname', 'process', 'Date', 'console', 'setTimeout'];
const run = vm.compileFunction(source, names, {filename: bundle});
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'peer-'));
const RealDate = Date;

process.setMaxListeners(0);

let answers = {};
const server = http.createServer((request, response) => {
  const commit = /\/commits\/(.*)/.exec(request.url);
  const body = commit ? commit[1] && answers.commit : answers.repository;
  response.writeHead(body ? 200 : 404, {'content-type': 'application/json'});
  response.end(JSON.stringify(body || {message: 'Not Found'}));
});

function clock(now) {
  return class extends RealDate {
    constructor(...given) {
      if (given.length) super(...given);
      else super(now);
    }
    static now() {
      return now;
    }
  };
}

// The runner's files: NAME<<DELIMITER, lines, DELIMITER.
function pairs(file) {
  const found = [];
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  for (let at = 0; at < lines.length - 1; at++) {
    const [name, delimiter] = lines[at].split('<<');
    const value = [];
    for (at++; lines[at] !== delimiter; at++) value.push(lines[at]);
    found.push([name, value.join('\n')]);
  }
  return found;
}

async function one(given, port) {
  answers = given;
  const files = {};
  for (const name of ['output', 'env']) {
    files[name] = path.join(folder, name);
    fs.writeFileSync(files[name], '');
  }
  const env = {
    RUNNER_TEMP: folder,
    PATH: process.env.PATH,
    'INPUT_GITHUB-TOKEN': 'none',
    ...given.environment,
    GITHUB_API_URL: `http://127.0.0.1:${port}`,
    GITHUB_OUTPUT: files.output,
    GITHUB_ENV: files.env
  };
  if (given.payload != null) {
    env.GITHUB_EVENT_PATH = path.join(folder, 'event.json');
    fs.writeFileSync(env.GITHUB_EVENT_PATH, given.payload);
  }
  process.chdir(given.checkout || folder);
  let log = '';
  let exitCode = 0;
  let done;
  const ended = new Promise(resolve => (done = resolve));
  const stdout = {
    write: text => {
      log += text;
      return true;
    },
    isTTY: false,
    on: () => stdout,
    once: () => stdout,
    emit: () => false
  };
  const fake = new Proxy(process, {
    get(target, name) {
      if (name === 'env') return env;
      if (name === 'stdout' || name === 'stderr') return stdout;
      if (name === 'exitCode') return exitCode;
      if (name === 'exit') return code => done(code ?? exitCode);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
    set(target, name, value) {
      if (name === 'exitCode') exitCode = value;
      return true;
    }
  });
  const quiet = Object.fromEntries(['log', 'info', 'warn', 'error', 'debug'].map(name => [name, () => {}]));
  const modules = name => (name === 'process' || name === 'node:process' ? fake : require(name));
  const module = {exports: {}};
  // Nothing tells that the action has ended without exiting, but the last output does.
  const watch = setInterval(() => {
    if (exitCode !== 0 || fs.readFileSync(files.output, 'utf8').includes('\nbake-file<<')) done(exitCode);
  }, 5);
  const limit = setTimeout(() => done('hangs'), 20000);
  try {
    run(module.exports, modules, module, bundle, path.dirname(bundle), fake, clock(given.now), quiet, setTimeout);
  } catch (error) {
    log += error.stack;
    done(1);
  }
  const code = await ended;
  clearInterval(watch);
  clearTimeout(limit);
  const outputs = pairs(files.output).map(([name, value]) => {
    if (!name.startsWith('bake-file')) return [name, value];
    return [name, fs.readFileSync(value, 'utf8')];
  });
  return {code, outputs, environment: pairs(files.env).map(([name]) => name), log};
}

server.listen(0, '127.0.0.1', async () => {
  const lines = readline.createInterface({input: process.stdin, crlfDelay: Infinity});
  for await (const line of lines) {
    const answer = await one(JSON.parse(line), server.address().port);
    fs.writeSync(1, JSON.stringify(answer) + '\n');
  }
  fs.rmSync(folder, {recursive: true});
  process.exit(0);
});
