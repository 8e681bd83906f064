// Ask the search of a built site as its pages do: node search_site.js SITE QUERY... prints the places found, as JSON.
const fs = require("fs")
const path = require("path")
const vm = require("vm")

const [site, ...queries] = process.argv.slice(2)
const read = (...parts) => fs.readFileSync(path.join(site, ...parts), "utf8")

const answers = []
const quiet = { warn() {} }
const inside = { performance, console: quiet, importScripts() {}, postMessage: (answer) => answers.push(answer) }
inside.self = inside
inside.addEventListener = (_, listener) => { inside.heard = listener }
const workers = "assets/javascripts/workers"
vm.runInContext(read(workers, fs.readdirSync(path.join(site, workers)).find((name) => name.endsWith(".js"))), vm.createContext(inside))

class Worker {
  postMessage(message) { this.done = inside.heard({ data: message }) }
}
vm.runInContext(read("search.js"), vm.createContext({ Worker }))

async function ask(type, data) {
  const worker = new Worker()
  worker.postMessage({ type, data })
  await worker.done
  return answers.pop()
}

async function main() {
  const { config, docs } = JSON.parse(read("search", "search_index.json"))
  await ask(0, { config, docs, options: { suggest: false } })
  const found = {}
  for (const query of queries) found[query] = (await ask(2, query)).data.items.map((page) => page[0].location)
  console.log(JSON.stringify(found))
}

main()
