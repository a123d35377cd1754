import {
  type KyselyPlugin,
  OperationNodeTransformer,
  type PluginTransformQueryArgs,
  type PrimitiveValueListNode,
  type QueryId,
  type ValueNode
} from 'kysely'

/**
 * A text without NUL characters, which PostgreSQL cannot store and strangers like to send:
 * in commit messages, in build output, in what a dying container printed.
 */
export function withoutNul(value: unknown): unknown {
  return typeof value === 'string' && value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value
}

class NulRemover extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode, queryId: QueryId): ValueNode {
    return { ...super.transformValue(node, queryId), value: withoutNul(node.value) }
  }

  protected override transformPrimitiveValueList(
    node: PrimitiveValueListNode,
    queryId: QueryId
  ): PrimitiveValueListNode {
    return { ...super.transformPrimitiveValueList(node, queryId), values: node.values.map(withoutNul) }
  }
}

/** Keeps NUL characters from PostgreSQL, which would refuse the whole statement for one of them. */
export function createNulPlugin(): KyselyPlugin {
  const remover = new NulRemover()
  return {
    transformQuery: ({ node, queryId }: PluginTransformQueryArgs) => remover.transformNode(node, queryId),
    transformResult: ({ result }) => Promise.resolve(result)
  }
}
