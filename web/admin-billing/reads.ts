/** What is read again after a command of each kind. */

export const exportReads = [
  'listServiceExports',
  'readServiceExport',
  'readReconciliation',
  'listReconciliationFindings',
] as const

export const paymentReads = [
  'listAllPayments',
  'readAnyPayment',
  'listAllInvoices',
  'listSubscriptions',
  'readUserSubscription',
  'readAccount',
  'listUsers',
] as const

export const adjustmentReads = ['listAdjustments', 'readAccount', 'listUserStatement', 'listUsers'] as const

export const priceBookReads = [
  'readPriceBook',
  'listPriceBookVersions',
  'readPriceBookVersion',
  'listPriceChanges',
  'readPriceChange',
  'listPrices',
  'listModelPrices',
  'listPriceCoverage',
] as const

export const reratingReads = ['listReratings', 'readRerating', 'listReratedOperations', 'listUsers'] as const
