Feature: Timeouts
  Any task can be given a time, and so can the workflow as a whole. Work that takes longer is ended: its calls, its
  waits and its children are cancelled, and the error is the standard timeout error with status 408.

  Scenario Outline: A task of any kind takes too long
    Given the action "slow:1.0.0" never answers
    And the workflow "child":
      """
      do:
        - rest: {wait: {hours: 1}}
      """
    And the workflow "order":
      """
      do:
        - work: {<task>, timeout: {after: {seconds: 10}}}
      """
    When "order" is started for "ada"
    And 9 seconds pass
    Then the execution of "order" for "ada" is <meanwhile>
    When 1 second passes
    Then the execution of "order" for "ada" has faulted with status 408 at "/do/0/work"

    Examples:
      | task                                                                      | meanwhile |
      | wait: {minutes: 1}                                                        | waiting   |
      | call: 'slow:1.0.0'                                                        | running   |
      | call: 'waitUntil:1.0.0@default', with: {at: '2030-01-01'}                 | waiting   |
      | listen: {to: {one: {with: {type: com.shop.paid}}}}                        | waiting   |
      | do: [{inner: {wait: {minutes: 1}}}]                                       | waiting   |
      | fork: {branches: [{a: {wait: {minutes: 1}}}, {b: {wait: {seconds: 5}}}]}  | waiting   |
      | try: [{inner: {wait: {minutes: 1}}}], catch: {}                           | waiting   |
      | for: {in: "[1, 2, 3]"}, do: [{inner: {wait: {seconds: 4}}}]               | waiting   |
      | run: {workflow: {namespace: shop, name: child, version: latest}}          | running   |

  Scenario: A task in time is not troubled
    Given the workflow "order":
      """
      do:
        - work: {wait: {seconds: 9}, timeout: {after: {seconds: 10}}}
        - more: {wait: {seconds: 9}}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the execution for "ada" has completed

  Scenario: The workflow takes too long, and nobody inside can catch that
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      timeout: {after: {minutes: 1}}
      do:
        - guarded:
            try: [{ask: {call: 'slow:1.0.0', with: {}}}]
            catch: {do: [{note: {set: {caught: true}}}]}
      """
    When "order" is started for "ada"
    And 59 seconds pass
    Then the execution for "ada" is running
    When 1 second passes
    Then the execution for "ada" has faulted with status 408 at "/timeout"
    And the call of "slow:1.0.0" was cancelled

  Scenario: A call that takes too long is cancelled, and the workflow may go on
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      do:
        - guarded:
            try:
              - ask: {call: 'slow:1.0.0', with: {}, timeout: {after: {seconds: 10}}}
            catch:
              errors: {with: {type: 'https://open-workflow-specification.org/spec/1.0.0/errors/timeout'}}
              do: [{tell: {call: 'tell:1.0.0', with: {status: '${ $error.status }'}}}]
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the call of "slow:1.0.0" was cancelled
    And the action "slow:1.0.0" was called once
    And the action "tell:1.0.0" was called once, after 10 seconds
    And the action "tell:1.0.0" was called with: {status: 408}
    And nothing else was called
    And the execution for "ada" has completed

  Scenario: One branch of a fork takes too long, and takes the others with it
    Given the action "slow:1.0.0" never answers
    And the action "other:1.0.0" never answers
    And the workflow "order":
      """
      do:
        - both:
            fork:
              branches:
                - ask: {call: 'slow:1.0.0', with: {}, timeout: {after: {seconds: 10}}}
                - beside: {call: 'other:1.0.0', with: {}}
      """
    When "order" is started for "ada"
    And 10 seconds pass
    Then the execution for "ada" has faulted with status 408 at "/do/0/both/fork/branches/0/ask"
    And the call of "slow:1.0.0" was cancelled
    And the call of "other:1.0.0" was cancelled

  Scenario: A branch that catches its own timeout leaves the others alone
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      do:
        - both:
            fork:
              branches:
                - careful:
                    try: [{ask: {call: 'slow:1.0.0', with: {}, timeout: {after: {seconds: 10}}}}]
                    catch: {do: [{note: {set: {late: true}}}]}
                - beside: {wait: {seconds: 20}}
      """
    When "order" is started for "ada" with: {n: 1}
    And 1 minute passes
    Then the execution for "ada" has completed with: [{late: true}, {n: 1}]

  Scenario Outline: Of several timeouts the first one counts
    Given the action "slow:1.0.0" never answers
    And the workflow "order":
      """
      timeout: {after: {seconds: 30}}
      do:
        - outer:
            timeout: {after: {seconds: 20}}
            do:
              - inner:
                  timeout: {after: {seconds: <inner>}}
                  call: 'slow:1.0.0'
                  with: {}
      """
    When "order" is started for "ada"
    And 1 minute passes
    Then the execution for "ada" has faulted with status 408 at "<at>"

    Examples:
      | inner | at                  |
      | 10    | /do/0/outer/do/0/inner |
      | 25    | /do/0/outer         |

  Scenario: A wait for events that is over hears nothing more
    Given the workflow "order":
      """
      do:
        - guarded:
            try:
              - paid:
                  listen: {to: {one: {with: {type: com.shop.paid}}}}
                  timeout: {after: {minutes: 10}}
            catch: {do: [{remind: {call: 'remind:1.0.0', with: {}}}]}
        - rest: {wait: {hours: 1}}
      """
    When "order" is started for "ada"
    And 11 minutes pass
    And the event "com.shop.paid" about "ada" comes with: {n: 1}
    Then the action "remind:1.0.0" was called once, after 600 seconds
    And the execution for "ada" is waiting

  Scenario: A child that takes too long is cancelled with its calls
    Given the action "slow:1.0.0" never answers
    And the workflow "child":
      """
      do:
        - ask: {call: 'slow:1.0.0', with: {}}
      """
    And the workflow "parent":
      """
      do:
        - guarded:
            try:
              - run:
                  run: {workflow: {namespace: shop, name: child, version: latest}}
                  timeout: {after: {seconds: 10}}
            catch: {do: [{note: {set: {late: true}}}]}
      """
    When "parent" is started for "ada"
    And 10 seconds pass
    Then the execution of "parent" has completed with: {late: true}
    And the execution of "child" was cancelled
    And the call of "slow:1.0.0" was cancelled

  Scenario: A wait for a slot takes too long
    Given the workflow "mail":
      """
      do:
        - slot:
            call: pace:1.0.0@default
            with: {limit: 1, per: {minutes: 1}, key: mail}
            timeout: {after: {seconds: 90}}
      """
    When "mail" is started for "ada"
    And "mail" is started for "bob"
    And "mail" is started for "cyd"
    And 3 minutes pass
    Then the execution for "ada" has completed
    And the execution for "bob" has completed
    And the execution for "cyd" has faulted with status 408 at "/do/0/slot"

  Scenario Outline: A timeout may have a name, or be calculated
    Given the workflow "order":
      """
      use: {timeouts: {short: {after: {seconds: 10}}}}
      do:
        - work: {wait: {hours: 1}, timeout: <timeout>}
      """
    When "order" is started for "ada" with: {patience: PT20S}
    And <before> seconds pass
    Then the execution for "ada" is waiting
    When 1 second passes
    Then the execution for "ada" has faulted with status 408

    Examples:
      | timeout                     | before |
      | short                       | 9      |
      | {after: '${ .patience }'}   | 19     |

  Scenario: A timeout that passes while the engine is down counts when it is back
    Given the workflow "order":
      """
      do:
        - work: {wait: {hours: 5}, timeout: {after: {hours: 1}}}
      """
    When "order" is started for "ada"
    And the engine is down for 2 hours
    Then the execution for "ada" has faulted with status 408 at "/do/0/work"
