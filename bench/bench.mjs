// npm run bench -- gateway [options]; see docs/benchmarks.md
const [name, ...rest] = process.argv.slice(2)

if (name === 'gateway') {
  const { runGatewayBench } = await import('./gateway.ts')
  process.exitCode = await runGatewayBench(rest)
} else {
  console.error('npm run bench -- gateway [--quick] [--help]')
  process.exitCode = 2
}
