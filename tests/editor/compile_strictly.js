// Compiles the schemas named on the command line with Ajv in strict mode; anything it says is a defect.
const fs = require("fs")
const path = require("path")
const Ajv = require(path.join(__dirname, "../../.editor/node_modules/ajv")).default

const said = []
const logger = { log: (text) => said.push(text), warn: (text) => said.push(text), error: (text) => said.push(text) }
for (const file of process.argv.slice(2)) {
  const ajv = new Ajv({ strict: true, strictRequired: true, allowUnionTypes: true, logger })
  // The keywords that only editors read, as SchemaStore lists them.
  const words = ["markdownDescription", "enumDescriptions", "markdownEnumDescriptions", "defaultSnippets"]
  for (const word of [...words, "errorMessage", "doNotSuggest"]) ajv.addKeyword(word)
  ajv.compile(JSON.parse(fs.readFileSync(file, "utf8")))
}
process.stdout.write(said.join("\n"))
