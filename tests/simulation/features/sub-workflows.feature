Feature: Sub-workflows
  `run` starts another workflow as a child. The parent waits for its output, or goes on at once with `await: false`.
  The child stands in its parent's lane; its fault is raised in the parent, and the end of the parent's wait is its end.

  Scenario: The child's output is the output of the task
    Given the workflow "child":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - double: {set: {double: '${ .n * 2 }', for: '${ $workflow.input }'}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: 1.0.0, input: {n: '${ .number }'}}}}
      """
    When "parent" is started for "ada" with: {number: 21}
    Then the execution of "child" for "ada" is waiting
    And the execution of "parent" is running
    When 1 minute passes
    Then the execution of "parent" has completed with: {double: 42, for: {n: 21}}

  Scenario: Without an input the child gets an empty object
    Given the workflow "child":
      """
      do:
        - note: {set: {got: '${ . }'}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: 1.0.0}}}
      """
    When "parent" is started with: {number: 21}
    Then the execution of "parent" has completed with: {got: {}}

  Scenario: A parent that does not wait goes on with its own input
    Given the workflow "child":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - tell: {call: 'tell:1.0.0', with: {}}
      """
    And the workflow "parent":
      """
      do:
        - run:
            run:
              workflow: {namespace: shop, name: child, version: 1.0.0}
              await: false
      """
    When "parent" is started for "ada" with: {n: 1}
    Then the execution of "parent" has completed with: {n: 1}
    And the execution of "child" is waiting
    When 1 minute passes
    Then the execution of "child" has completed
    And the action "tell:1.0.0" was called once

  Scenario: The latest version is that of the moment
    Given version 1.0.0 of the workflow "child":
      """
      do:
        - note: {set: {version: one}}
      """
    And the workflow "parent":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started
    And version 2.0.0 of the workflow "child" is published:
      """
      do:
        - note: {set: {version: two}}
      """
    And 1 minute passes
    Then the execution of "parent" has completed with: {version: two}

  Scenario: A version that is named stays
    Given version 1.0.0 of the workflow "child":
      """
      do:
        - note: {set: {version: one}}
      """
    And version 2.0.0 of the workflow "child":
      """
      do:
        - note: {set: {version: two}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: 1.0.0}}}
      """
    When "parent" is started
    Then the execution of "parent" has completed with: {version: one}

  Scenario Outline: A workflow that nobody has published is an error of the task
    Given the workflow "child":
      """
      do:
        - note: {set: {n: 1}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: <name>, version: <version>}}}
      """
    When "parent" is started
    Then the execution of "parent" has faulted with status 400 at "/do/0/run"
    And "<name>" was <started>

    Examples:
      | name    | version | started       |
      | missing | latest  | never started |
      | child   | 9.9.9   | never started |

  Scenario: A workflow that is published later can be run then
    Given the workflow "parent":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started
    And the workflow "child" is published:
      """
      do:
        - note: {set: {late: true}}
      """
    And 1 minute passes
    Then the execution of "parent" has completed with: {late: true}

  Scenario: The fault of a child is the parent's, where it ran it
    Given the workflow "child":
      """
      do:
        - refuse: {raise: {error: {type: https://shop.example.com/sold-out, status: 409, title: Sold out}}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started for "ada"
    Then the execution of "child" has faulted with status 409 at "/do/0/refuse"
    And the execution of "parent" has faulted with status 409 at "/do/0/run"

  Scenario: The parent catches the fault of a child
    Given the workflow "child":
      """
      do:
        - refuse: {raise: {error: {type: https://shop.example.com/sold-out, status: 409, title: Sold out}}}
      """
    And the workflow "parent":
      """
      do:
        - guarded:
            try: [{run: {run: {workflow: {namespace: shop, name: child, version: latest}}}}]
            catch:
              errors: {with: {type: https://shop.example.com/sold-out}}
              do: [{note: {set: {because: '${ $error.title }'}}}]
      """
    When "parent" is started for "ada"
    Then the execution of "parent" has completed with: {because: Sold out}

  Scenario: Each retry runs a child of its own
    Given the action "flaky:1.0.0" fails twice with status 503, then answers {fine: true}
    And the workflow "child":
      """
      do:
        - send: {call: 'flaky:1.0.0', with: {}}
      """
    And the workflow "parent":
      """
      do:
        - guarded:
            try: [{run: {run: {workflow: {namespace: shop, name: child, version: latest}}}}]
            catch: {retry: {delay: {seconds: 5}, limit: {attempt: {count: 3}}}}
      """
    When "parent" is started for "ada"
    And 1 minute passes
    Then the executions of "child" are: faulted, faulted, completed
    And the execution of "parent" has completed with: {fine: true}

  Scenario: Whoever cancels the parent cancels the child, and its call
    Given the action "slow:1.0.0" never answers
    And the workflow "grandchild":
      """
      do:
        - ask: {call: 'slow:1.0.0', with: {}}
      """
    And the workflow "child":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: grandchild, version: latest}}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started for "ada"
    And the execution of "parent" for "ada" is cancelled because "ada has left"
    Then the execution of "parent" was cancelled because "ada has left"
    And the execution of "child" was cancelled
    And the execution of "grandchild" was cancelled
    And the call of "slow:1.0.0" was cancelled

  Scenario: A child that nobody waits for goes on without its parent
    Given the workflow "child":
      """
      do:
        - rest: {wait: {minutes: 1}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}, await: false}}
        - rest: {wait: {minutes: 5}}
      """
    When "parent" is started for "ada"
    And the execution of "parent" for "ada" is cancelled because "ada has left"
    And 1 minute passes
    Then the execution of "parent" was cancelled
    And the execution of "child" has completed

  Scenario: Children that run themselves go down to a limit and no further
    Given the workflow "deeper":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: deeper, version: latest}}}
      """
    When "deeper" is started for "ada"
    Then "deeper" was started 33 times
    And every execution of "deeper" has faulted because "child_depth_max"

  Scenario: A workflow may start its successor again and again, when each takes its time
    Given the workflow "daily":
      """
      do:
        - work: {call: 'work:1.0.0', with: {}}
        - rest: {wait: {days: 1}}
        - again: {run: {workflow: {namespace: shop, name: daily, version: latest}, await: false}}
      """
    When "daily" is started for "ada"
    And 100 days pass
    Then the action "work:1.0.0" was called 101 times

  Scenario: A child in each round of a loop, one after the other
    Given the workflow "child":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - double: {call: 'double:1.0.0', with: {n: '${ .n }'}}
      """
    And the workflow "parent":
      """
      do:
        - each:
            for: {in: .numbers}
            do:
              - run: {run: {workflow: {namespace: shop, name: child, version: latest, input: {n: '${ $item }'}}}}
      """
    When "parent" is started for "ada" with: {numbers: [4, 5, 6]}
    And 3 minutes pass
    Then the action "double:1.0.0" was called in this order with: [{n: 4}, {n: 5}, {n: 6}]
    And the action "double:1.0.0" was called 3 times, after 60, 120 and 180 seconds
    And the execution of "parent" has completed with: {n: 6}

  Scenario: A child in each branch of a fork, side by side
    Given the workflow "child":
      """
      do:
        - rest: {wait: '${ "PT\(.n)M" }'}
        - note: {set: {n: '${ $workflow.input.n }'}}
      """
    And the workflow "parent":
      """
      do:
        - both:
            fork:
              branches:
                - slow: {run: {workflow: {namespace: shop, name: child, version: latest, input: {n: 3}}}}
                - quick: {run: {workflow: {namespace: shop, name: child, version: latest, input: {n: 1}}}}
      """
    When "parent" is started for "ada"
    And 2 minutes pass
    Then the executions of "child" are in any order: completed, waiting
    When 1 minute passes
    Then the execution of "parent" has completed with: [{n: 3}, {n: 1}]

  Scenario: A child hears the events about the subject of its parent
    Given the workflow "child":
      """
      do:
        - paid: {listen: {to: {one: {with: {type: com.shop.paid}}}}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started for "ada"
    And the event "com.shop.paid" about "bob" comes with: {n: 1}
    Then the execution of "child" for "ada" is waiting
    When the event "com.shop.paid" about "ada" comes with: {n: 2}
    Then the execution of "parent" for "ada" has completed with: [{n: 2}]

  Scenario: Parent and child outlive the death of the engine
    Given the workflow "child":
      """
      do:
        - rest: {wait: {minutes: 1}}
        - tell: {call: 'tell:1.0.0', with: {n: 1}}
      """
    And the workflow "parent":
      """
      do:
        - run: {run: {workflow: {namespace: shop, name: child, version: latest}}}
      """
    When "parent" is started for "ada"
    And the engine is down for 2 minutes
    And the engine dies and starts again
    Then the execution of "parent" has completed with: {n: 1}
    And the action "tell:1.0.0" was called once
