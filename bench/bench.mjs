// npm run bench -- gateway | ledger [options]; see docs/benchmarks.md
const [name, ...rest] = process.argv.slice(2)

if (name === 'gateway') {
  const { runGatewayBench } = await import('./gateway.ts')
  process.exitCode = await runGatewayBench(rest)
} else if (name === 'ledger') {
  const { runLedgerBench } = await import('./ledger.ts')
  process.exitCode = await runLedgerBench(rest)
} else {
  console.error('npm run bench -- gateway | ledger [--quick] [--help]')
  process.exitCode = 2
}
